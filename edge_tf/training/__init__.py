"""Training: schedule, loop, progress, checkpoints."""
