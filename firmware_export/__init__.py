"""Turns a .tflite file and a front-end description into C, without TensorFlow or edge_tf."""
