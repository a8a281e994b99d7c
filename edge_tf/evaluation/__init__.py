"""What a model is worth: metrics, the hop table, report.json and report.html."""
