"""Runs against runs, with intervals over clips and trainings."""
