"""The Keras model as a small graph, rewritten for small devices."""
