"""Long streams: how they are composed, judged, and how the detector is chosen."""
