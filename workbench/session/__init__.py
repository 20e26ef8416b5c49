"""The use cases: define, package, register, launch, run, hand over."""

from workbench.session.declare import udaf, udf, udtf
from workbench.session.function import Function
from workbench.session.live import Stream
from workbench.session.result import Result
from workbench.session.run import Run
from workbench.session.workbench import Workbench

__all__ = ["Function", "Result", "Run", "Stream", "Workbench", "udaf", "udf", "udtf"]
