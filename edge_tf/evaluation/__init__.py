"""Evaluation of a model: metrics, the hop table, report.json and report.html."""
