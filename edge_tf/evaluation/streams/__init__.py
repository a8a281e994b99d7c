"""Long streams: their composition and metrics, and the choice of the detector."""
