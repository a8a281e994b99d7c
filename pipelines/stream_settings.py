"""What `pipelines.stream` says of the detector that listens."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_tf.audio.frontend_config import FrontendConfig
    from firmware_export.runtime.detector import DetectorConfig
    from firmware_export.runtime.second_stage import Second


def window_s(config: "FrontendConfig") -> float:
    """Seconds of sound before the first decision."""
    return (config.num_frames - 1) * config.hop / config.sample_rate


def text(detector: "DetectorConfig", config: "FrontendConfig", second: "Second | None") -> str:
    """Settings of the detector and of its second stage, None if it has none."""

    def duration(frames: int) -> str:
        return f"{frames} frames ({frames * config.hop / config.sample_rate:.2f} s)"

    first, rate = window_s(config), config.sample_rate / config.hop
    told = (
        f"threshold {detector.threshold:g}, armed again below {detector.rearm:g}, smoothing "
        f"{duration(detector.smoothing)}, refractory period "
        f"{duration(detector.refractory_hops)}; first decision after {first:.2f} s, "
        f"then {rate:g} per second"
    )
    if second is None:
        return told
    return (
        f"{told}; second stage: threshold {second.config.threshold:g}, smoothing "
        f"{duration(second.config.smoothing)}, answers to a hit within "
        f"{duration(second.config.longest)}"
    )
