"""edge_tf: small audio networks from recordings to a verified int8 model on a device.

Importing this package does not import TensorFlow. It only selects the Keras version and
TensorFlow's kernels, in one place and before TensorFlow loads: TFMOT works only with Keras 2 (the
tf-keras package).
"""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"
# TensorFlow's other kernels refuse depthwise convolutions whose strides differ, and by default it
# uses these on some processors only.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # CPU-only: no warnings about missing CUDA

__version__ = "0.1.0"
