"""The log-mel front-end in integers: the tables that its C and its NumPy reference share."""
