"""What is known in one home: functions, their versions and packages, runs, events and dead letters."""

from workbench.registry.runs import DeadLetter
from workbench.registry.store import Registered, Registry

__all__ = ["DeadLetter", "Registered", "Registry"]
