"""The look: one small style sheet, scoped by a class, and its colours.

It takes backgrounds, lines and fonts from JupyterLab's variables, so that it fits every theme, and brings its own
colours for good, bad and warning, because JupyterLab's warning colour is too pale to be read. The invariant: each
text colour has a contrast of at least 4.5 : 1 on each background it stands on, in the light and in the dark palette.
Left out on purpose: markup (`html`).
"""

from __future__ import annotations

from typing import Final

CLASS: Final = "udf-wb"

LIGHT: Final = {
    "fg": "#1f2328",
    "dim": "#57606a",
    "bg": "#ffffff",
    "bar": "#f6f8fa",
    "line": "#dfe3e8",
    "tint": "#f1f5ff",
    "chip": "#e9eef5",
    "good": "#19713a",
    "bad": "#b3261e",
    "warn": "#8f4d00",
    "hit": "#f3dcdd",
}
DARK: Final = {
    "fg": "#e6e9ee",
    "dim": "#a3abb8",
    "bg": "#171a21",
    "bar": "#1f242c",
    "line": "#363c46",
    "tint": "#1b2233",
    "chip": "#2b323d",
    "good": "#5ecb89",
    "bad": "#ff8a80",
    "warn": "#f2b45c",
    "hit": "#43282c",
}
"""``bg`` is below cells, ``bar`` below headings, ``tint`` below the function's columns, ``hit`` below failing code."""

_RULES: Final = """
font:13px/1.5 var(--jp-ui-font-family,system-ui,sans-serif);color:var(--fg);background:var(--bg);
border:1px solid var(--line);border-radius:8px;overflow:hidden;margin:2px 0;max-width:1200px;
.h{display:flex;flex-wrap:wrap;gap:4px 10px;align-items:baseline;padding:9px 14px}
.h>b,code,pre,table{font-family:var(--jp-code-font-family,ui-monospace,Menlo,Consolas,monospace)}
.h>b{font-size:15px}
code{font-size:12px;color:var(--dim);background:none;padding:0;white-space:normal;overflow-wrap:anywhere}
.k{font-size:11px;padding:1px 8px;border-radius:9px;background:var(--chip)}
.st{margin-left:auto;font-weight:600}
.good{color:var(--good)}
.bad{color:var(--bad)}
.warn{color:var(--warn)}
.c{display:flex;flex-wrap:wrap;gap:2px 22px;padding:5px 14px;color:var(--dim);background:var(--bar);font-size:12px;
border-top:1px solid var(--line)}
.c b{font-weight:600}
.w{margin:0;padding:6px 14px;border-top:1px solid var(--line)}
details{border-top:1px solid var(--line);margin:0}
style+details{border-top:0}
summary{cursor:pointer;padding:5px 14px;background:var(--bar)}
summary small{font-size:11px;color:var(--dim);margin-left:6px}
.x{overflow-x:auto}
table{border-collapse:collapse;width:100%;margin:0;font-size:12px;color:var(--fg);border:0;table-layout:auto}
table tr th,table tr td{padding:4px 12px;text-align:left;vertical-align:top;border:0;border-top:1px solid var(--line);
white-space:pre;background:none;color:inherit;max-width:none}
table thead tr th{font-weight:600;background:var(--bar);vertical-align:bottom}
table tbody tr th{font-weight:400;color:var(--dim)}
table tbody tr:nth-child(n),table tbody tr:hover{background:var(--bg)}
table th small{font-size:10px;font-weight:400;color:var(--dim)}
table tr .n{text-align:right}
table tr .o,table thead tr .o{background:var(--tint)}
table tr.s>:not(.o){background:var(--bar)}
table tr.f>*{color:var(--bad)}
table tr.g .m{color:var(--good)}
table tr.a .m{color:var(--warn)}
table tr.d .m{color:var(--bad)}
table tr>:first-child{padding-left:14px}
td i{color:var(--dim)}
table tr td.m+td+td~td,table tr td.m:last-child{white-space:pre-wrap}
pre{margin:0;padding:8px 14px;font-size:12px;line-height:1.5;color:var(--fg);background:none;border:0;overflow-x:auto}
.err{border-top:1px solid var(--line);border-left:4px solid var(--bad);background:var(--bar)}
.err p{margin:0;padding:8px 14px 0}
.err p b{color:var(--bad)}
mark{background:var(--hit);color:var(--fg)}
.y{margin:0;padding:7px 14px;color:var(--dim)}
"""
"""Nested below our class, doubled to win over JupyterLab's own rules for tables."""


_GONE: Final = (
    ".jp-OutputArea-child:has(>.jupyter-widgets):not(:has(>.jupyter-widgets *))"
    f":has(+.jp-OutputArea-child .{CLASS}){{display:none}}"
)
"""JupyterLab writes "model not found" where a live panel was, once its kernel is gone; the static form is below."""


def _variables(palette: dict[str, str]) -> str:
    return "".join(f"--{name}:{colour};" for name, colour in palette.items())


def _style() -> str:
    scope, dark = f".{CLASS}", _variables(DARK)
    theme = "--bg:var(--jp-layout-color1,#fff);--fg:var(--jp-content-font-color0,#1f2328)"
    return (
        f"{scope}{{{_variables(LIGHT)}}}"
        f"@media(prefers-color-scheme:dark){{body:not([data-jp-theme-light],.vscode-light) {scope}{{{dark}}}}}"
        f"body[data-jp-theme-light=false] {scope},body.vscode-dark {scope}{{{dark}}}"
        f"body[data-jp-theme-light] {scope}{{{theme}}}"
        f"{scope}{scope}{{{_RULES.replace(chr(10), '')}}}{_GONE}"
    )


STYLE: Final = _style()
