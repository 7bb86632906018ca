"""One run, in one process or many: start, watch, end."""
