"""The use cases from a notebook: magics and what they show."""

from workbench.notebook.extension import load_ipython_extension, unload_ipython_extension

__all__ = ["load_ipython_extension", "unload_ipython_extension"]
