"""Training of embedding networks for few-shot learning: a loss a file, and episodes as batches."""
