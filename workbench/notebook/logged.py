"""What workers printed, as lines of a static form.

The invariant: the same run gives the same lines, whichever of two workers was faster: they stand worker by worker,
without the folders of files. Of the dump of a dying process only the user's own lines are kept: the others tell of
addresses and of us. Left out on purpose: the panel's log, which has all of it (`workbench.notebook.panel.printed`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Final

from workbench.dumps import FATAL, Dumps
from workbench.events import LogLine
from workbench.notebook.cells import plain, shorten, visible
from workbench.notebook.grid import Limits
from workbench.session import Run

_PATH: Final = re.compile(r'File "(?:[^"]*/)?([^"/]+)"')


def log_lines(run: Run, limits: Limits) -> tuple[list[str], int]:
    """The last lines that the workers printed, and how many there are."""
    shown = list(_told(run.record.lines))
    lost = run.record.lines_seen - len(run.record.lines)
    return [_short(text, limits) for _, text in shown[-2 * limits.rows :]], len(shown) + lost


def batch_lines(run: Run, limits: Limits) -> list[str]:
    """The last lines that the workers printed, each batch named at its first."""
    shown = list(_told(run.record.lines))[-2 * limits.rows :]
    names = {line.batch: "" if line.batch is None else f"batch {line.batch}" for line, _ in shown}
    width = max(map(len, names.values()), default=0)
    found = []
    for (_, batch), group in itertools.groupby(shown, key=lambda one: (one[0].worker, one[0].batch)):
        heads = itertools.chain([names[batch]], itertools.repeat(""))
        found += [
            _short(f"{head:{width}}  {text}" if width else text, limits)
            for head, (_, text) in zip(heads, group, strict=False)
        ]
    return found


def _short(text: str, limits: Limits) -> str:
    return shorten(visible(text), 2 * limits.width)


def _told(lines: Iterable[LogLine]) -> Iterator[tuple[LogLine, str]]:
    """All of the lines that tell something, batch by batch of each worker."""
    dumps: dict[tuple[int, str], Dumps] = {}
    for line in _in_order(lines):
        dumped = dumps.setdefault((line.worker, line.stream), Dumps()).holds(line.text)
        if not dumped or line.text.startswith(FATAL) or "/package/" in line.text:
            text = _PATH.sub(r'File "\1"', plain(line.text))
            yield line, text if line.stream == "stdout" else f"{line.stream}: {text}"


def _in_order(lines: Iterable[LogLine]) -> list[LogLine]:
    """By worker, then by batch; what was printed for none comes after the batch before it. stdout comes first."""
    before: dict[int, float] = {}
    keys: list[tuple[int, float, bool]] = []
    kept = list(lines)
    for line in kept:
        if line.batch is not None:
            before[line.worker] = line.batch
        last = before.get(line.worker, -1.0)
        keys.append((line.worker, last if line.batch is not None else last + 0.5, line.stream != "stdout"))
    return [line for _, line in sorted(zip(keys, kept, strict=True), key=lambda pair: pair[0])]
