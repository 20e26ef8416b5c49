"""Who a function is handed over to: for each target a plan, which says what to do there and what will be different.

Nothing is applied. A target is one module with one function from a `Handover` to a `Plan`, entered in ``TARGETS``.
"""

from workbench.targets.packages import Packages, read_packages
from workbench.targets.parts import Difference, Handover, Step
from workbench.targets.plan import TARGETS, Plan, plan

__all__ = ["TARGETS", "Difference", "Handover", "Packages", "Plan", "Step", "plan", "read_packages"]
