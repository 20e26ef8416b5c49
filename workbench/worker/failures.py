"""What an exception of the user's code looks like as plain data: type, text, the user's own frames with their locals.

The invariant: nothing that user code does (a failing ``__str__``, a repr of 10 MB, a recursion) makes this fail or
grow. Left out on purpose: our own frames, and the exception object itself, which never leaves the process.
"""

from __future__ import annotations

import linecache
import os
from typing import Any, Dict, List, Optional, Sequence

MAX_TEXT = 64 << 10
MAX_LOCAL = 80
MAX_LOCALS = 20
MAX_FRAMES = 20
MAX_LINE = 200  # of a source line: a generated file may be one line
MAX_ITEMS = 10  # of a container whose repr is still built


def text_of(error: BaseException) -> str:
    """``str(error)``, whatever that does, cut at 64 kB; for a syntax error without its place, which is a frame."""
    if isinstance(error, SyntaxError) and error.lineno and isinstance(error.msg, str):
        return error.msg[:MAX_TEXT]
    try:
        text = str(error)
    except BaseException as inner:
        text = f"<the text of this {type(error).__name__} cannot be had: its __str__ raised {type(inner).__name__}>"
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "…"


def local(value: Any) -> str:
    """A repr of at most 80 characters that does not build a huge one first, for the types where that is likely."""
    try:
        if isinstance(value, (str, bytes)):
            text = repr(value[:MAX_LOCAL])
            return text if len(value) <= MAX_LOCAL else text[:-1] + "…" + text[-1]
        if isinstance(value, (list, tuple, set, frozenset, dict)) and len(value) > MAX_ITEMS:
            return f"<{type(value).__name__} of {len(value)} items>"
        text = repr(value)
    except BaseException:
        return f"<{type(value).__name__}>"
    if " at 0x" in text:  # an address says nothing, and differs from run to run
        return f"<{type(value).__name__}>"
    return text if len(text) <= MAX_LOCAL else text[: MAX_LOCAL - 1] + "…"


def frames_of(error: BaseException, roots: Sequence[str]) -> List[Dict[str, Any]]:
    """The frames below ``roots``, outermost first, files relative to their root; of many the innermost 20."""
    own = []
    trace = error.__traceback__
    while trace is not None:
        if _relative(trace.tb_frame.f_code.co_filename, roots) is not None:
            own.append((trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    found = [frame_at(frame, line, roots) for frame, line in own[-MAX_FRAMES:]]
    if isinstance(error, SyntaxError) and isinstance(error.lineno, int):
        file = _relative(error.filename, roots)
        if file is not None:
            text = error.text.strip()[:MAX_LINE] if isinstance(error.text, str) else ""
            found.append({"file": file, "line": error.lineno, "function": "", "text": text, "locals": {}})
    return found


def frame_at(frame: Any, line: int, roots: Sequence[str]) -> Dict[str, Any]:
    """One frame of the user's as plain data."""
    code = frame.f_code
    names = [name for name in frame.f_locals if not name.startswith("__")][:MAX_LOCALS]
    return {
        "file": _relative(code.co_filename, roots),
        "line": line,
        "function": code.co_name,
        "text": linecache.getline(code.co_filename, line).strip()[:MAX_LINE],
        "locals": {} if code.co_name == "<module>" else {name: local(frame.f_locals[name]) for name in names},
    }


def _relative(file: Any, roots: Sequence[str]) -> Optional[str]:
    """``file`` relative to the root that it is below, None if it is not the user's."""
    for root in roots:
        if isinstance(file, str) and file.startswith(root + os.sep):
            return os.path.relpath(file, root)
    return None


def info(error: BaseException, roots: Sequence[str], prefix: str = "") -> Dict[str, Any]:
    """The error as plain data. ``prefix`` is what was being done, in Doris's words."""
    return {
        "error_type": type(error).__name__,
        "error": text_of(error),
        "frames": frames_of(error, roots),
        "prefix": prefix,
    }
