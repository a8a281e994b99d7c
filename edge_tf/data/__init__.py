"""Data sets on disk; each reader gives the same Dataset type."""
