"""The C around a model on a device: sound to features, logits to detections."""
