"""An interactive workbench for Python UDFs: package, register, run live in a subprocess, watch, hand over."""

from workbench import samples
from workbench.session import Function, Run, Workbench, udaf, udf, udtf

__all__ = ["Function", "Run", "Workbench", "samples", "udaf", "udf", "udtf"]
