"""An interactive workbench for Python UDFs: package, register, run live in a subprocess, watch, hand over."""

from workbench import fungi, samples
from workbench.errors import WorkbenchError
from workbench.notebook import load_ipython_extension, unload_ipython_extension
from workbench.secrets import Secret
from workbench.session import Function, Result, Run, Stream, Workbench, udaf, udf, udtf

__all__ = [
    "Function",
    "Result",
    "Run",
    "Secret",
    "Stream",
    "Workbench",
    "WorkbenchError",
    "fungi",
    "load_ipython_extension",
    "samples",
    "udaf",
    "udf",
    "udtf",
    "unload_ipython_extension",
]
