"""Keeping live subprocesses alive and fed: process, restart policy, worker, supervisor, pool.

Knows nothing of functions, the registry or environments: it is handed a `Launch` and moves batches.
"""
