"""Who runs SQL that calls a function: one module for each engine, each the only door to its library."""
