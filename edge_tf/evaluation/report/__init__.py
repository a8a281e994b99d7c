"""How results are written: for a terminal, as report.json and as report.html."""
