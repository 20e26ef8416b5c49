"""What a function is, and reading it from source without running it."""

from workbench.functions.doris import FORBIDDEN_MODULES, forbidden_module
from workbench.functions.mode import FIRST, Mode
from workbench.functions.names import undefined_names
from workbench.functions.signature import DEFAULT_DATABASE, Kind, Param, Signature, parse_signature
from workbench.functions.source import Analysis, analyse
from workbench.functions.spec import FunctionSpec, Volatility, default_volatility

__all__ = [
    "DEFAULT_DATABASE",
    "FIRST",
    "FORBIDDEN_MODULES",
    "Analysis",
    "FunctionSpec",
    "Kind",
    "Mode",
    "Param",
    "Signature",
    "Volatility",
    "analyse",
    "default_volatility",
    "forbidden_module",
    "parse_signature",
    "undefined_names",
]
