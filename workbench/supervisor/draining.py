"""The end of a run whose workers still work: they may finish, are then asked to give up, and what they say is dropped.

The invariant: a worker that owes nothing afterwards can serve another run; one that still does cannot. All are waited
for at once, so that one that does not yield costs the others nothing. Left out on purpose: ending that one
(`workbench.supervisor.lives`).
"""

from __future__ import annotations

import selectors
import signal
import time
from collections.abc import Sequence
from typing import Final

from workbench.supervisor.slot import Slot

PATIENCE: Final = 0.1
"""Seconds that a batch may go on before its worker is asked to give it up, and between two requests.

Most are done by then, and nothing is cut short. It is asked again, as it hears nothing between two batches.
"""


def drain(slots: Sequence[Slot], deadline: float) -> None:
    """Wait until the workers in these slots owe nothing or cannot go on, at most until ``deadline``."""
    busy, ask_at = list(slots), time.monotonic() + PATIENCE
    while (busy := [slot for slot in busy if slot.forgets()]) and (now := time.monotonic()) < deadline:
        if now >= ask_at:
            ask_at = now + PATIENCE
            for slot in busy:
                if slot.worker is not None:
                    slot.worker.process.signal(signal.SIGUSR2)
        with selectors.PollSelector() as selector:
            for slot in busy:
                for fd, mask in slot.worker.fds().items() if slot.worker is not None else ():
                    selector.register(fd, mask, slot)
            ready = [(key.data, key.fd, mask) for key, mask in selector.select(min(ask_at, deadline) - now)]
        for slot, fd, mask in ready:
            if fd in slot.worker.fds():
                slot.heard.extend(slot.worker.on_ready(fd, mask))
