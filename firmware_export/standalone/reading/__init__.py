"""One op of a .tflite file to one op of the IR: a function for each kind, all checks in it."""
