"""From a .tflite file and a front-end description to C; no TensorFlow, nothing of edge_tf."""
