"""A judged run, told."""
