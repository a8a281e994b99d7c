"""From a trained Keras model to a fully-int8 .tflite file that small devices can run."""
