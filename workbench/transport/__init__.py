"""Moving Arrow batches to and from a subprocess: frames for our own worker, guarded stdin and stdout for scripts."""
