"""Data sets on disk; each reader returns the same Dataset type."""
