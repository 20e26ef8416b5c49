"""Check and compare: generated data, findings, differences between versions."""
