"""Identifiers of engines that other modules look up: in hop tables, reports and config.json.

Those of emitted C contain the board (`emitted_c_cortex_m4_pcm`); no module looks them up.
"""

from typing import Final

KERAS: Final = "keras"
KERAS_COMPRESSED: Final = "keras_compressed"
KERAS_QUANTIZED: Final = "keras_quantized"
LITERT_REFERENCE: Final = "litert_reference"
LITERT_XNNPACK: Final = "litert_xnnpack"
TFLITE_MICRO: Final = "tflite_micro"
ANDROID_XNNPACK: Final = "android_xnnpack"
ANDROID_MEDIAPIPE: Final = "android_mediapipe"
