"""The TFLite Micro package: model as a C array, runner around the interpreter, golden vectors."""
