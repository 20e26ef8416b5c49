"""The live panel: a widget that shows a function's run while it goes on, and lets its rows be looked through after."""

from workbench.notebook.panel.stage import Stage

__all__ = ["Stage"]
