"""Distillation: what a teacher gives a student."""
