"""From a .tflite file and a front-end description to C. Imports no TensorFlow and nothing of edge_tf."""
