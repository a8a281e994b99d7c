"""edge_tf: small audio networks from recordings to a verified int8 model on a device.

Importing this package does not import TensorFlow. It only fixes, in one place and before
TensorFlow is loaded, which Keras is meant: TFMOT works with Keras 2 (the tf-keras package) alone.
"""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # CPU-only machines: no word of missing CUDA

__version__ = "0.1.0"
