"""An int8 .tflite as plain C99: read the graph, rewrite it, plan its memory, emit the source."""
