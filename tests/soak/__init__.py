"""Soak runs of the runtime: `python -m tests.soak --help`."""
