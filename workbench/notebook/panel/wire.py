"""The comm of a panel: its messages belong to no cell, so that what the front end answers is read while one is busy.

ipykernel hands an answer to the loop whose request the last message of the comm belonged to; for updates during a run
that is the loop that the run keeps busy, although JupyterLab had asked for another one. The invariant: messages go out
in order, and are those of `ipykernel.comm`, but for the parent. Left out on purpose: other kernels, with their own.
"""

from __future__ import annotations

from typing import Any

from ipykernel.comm import Comm
from ipykernel.jsonutil import json_clean
from ipykernel.kernelbase import Kernel
from ipywidgets import __protocol_version__

from workbench.notebook.panel import ending

TARGET = "jupyter.widget"


class Wire(Comm):
    """As every comm, but that its messages have no parent."""

    def publish_msg(
        self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any
    ) -> None:
        kernel = Kernel.instance()
        if ending.over() or not kernel.iopub_thread.thread.is_alive():
            return  # the kernel ends: messages would be sent from here, in the middle of others
        content = json_clean({"data": data or {}, "comm_id": self.comm_id, **keys})  # type: ignore[no-untyped-call]
        assert kernel.session is not None  # noqa: S101 - a kernel that runs has one
        kernel.session.send(
            kernel.iopub_socket,
            msg_type,
            content,
            metadata=json_clean(metadata or {}),  # type: ignore[no-untyped-call]
            parent=None,
            ident=self.topic,
            buffers=buffers,
        )


def opened(state: dict[str, Any]) -> Wire | None:
    """The comm of a widget with this state, which has no binary parts; None where no kernel of ipykernel runs."""
    if not Kernel.initialized():
        return None
    data = {"state": state, "buffer_paths": []}
    return Wire(target_name=TARGET, data=data, metadata={"version": __protocol_version__})  # type: ignore[no-untyped-call]
