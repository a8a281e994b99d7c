"""TFLite Micro on this machine, which every export is compared with."""
