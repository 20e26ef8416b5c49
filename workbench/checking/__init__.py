"""Check: what a function must do, tried on generated data on real workers, each finding made small. And compare."""

from workbench.checking.found import Check, Finding, Tried
from workbench.checking.trial import Answer, Setup, Trial

__all__ = ["Answer", "Check", "Finding", "Setup", "Trial", "Tried"]
