"""What compression did to single layers: zeros, and errors of quantization."""
