"""Start of a worker, or of a template of workers: ``python <this folder>``.

WORKBENCH_FD names the socket to the parent, WORKBENCH_TEMPLATE_FD that of a template.

The folder is loaded as a package of its own name, and leaves no trace on `sys.path`: a user's module may be called
``protocol`` or ``values``.
"""

import importlib.util
import os
import sys


def _start() -> None:
    folder = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or os.curdir) != folder]
    spec = importlib.util.spec_from_file_location(
        "_workbench_worker", os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    if spec is None or spec.loader is None:
        raise ImportError(folder)
    package = importlib.util.module_from_spec(spec)
    sys.modules["_workbench_worker"] = package
    spec.loader.exec_module(package)
    if "WORKBENCH_TEMPLATE_FD" in os.environ:
        template = importlib.import_module("_workbench_worker.template")
        template.main(int(os.environ.pop("WORKBENCH_TEMPLATE_FD")))
        return
    host = importlib.import_module("_workbench_worker.host")
    host.main(int(os.environ.pop("WORKBENCH_FD")))


_start()
