"""What a source needs to be installed."""

from __future__ import annotations

from workbench.functions.imports import distributions


def test_what_python_and_the_package_have_is_not_needed() -> None:
    """Each name once, by what to install; relative imports, the standard library and the package's own are none."""
    one = "import os, numpy as np\nfrom sklearn.svm import SVC\nfrom . import near\nfrom mine.sub import x\n"
    other = "def f():\n    try:\n        import yaml\n    except ImportError:\n        import numpy.random\n"
    assert distributions([one, other], own={"mine"}) == ["numpy", "pyyaml", "scikit-learn"]


def test_text_that_is_no_python_needs_nothing() -> None:
    """It is refused where it is called."""
    assert distributions(["def f(:"]) == []
