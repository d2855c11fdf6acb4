"""One file a command; each has `run`, which returns the exit code."""
