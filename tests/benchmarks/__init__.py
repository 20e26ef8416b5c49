"""Measurements that print figures and are run by hand: `python -m tests.benchmarks.NAME`."""
