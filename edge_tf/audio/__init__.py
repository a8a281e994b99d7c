"""Sound files in, augmentation, and the front-end: log-mel features from one FrontendConfig."""
