"""The soak runs of the runtime: many faults at random, counted, with a seed that repeats them.

    python -m tests.soak --seed 7                the short form of all, about two minutes
    python -m tests.soak --full s1 s3            the long form of some; the figures are in README.md beside this file
    python -m tests.soak --full --minutes 480 s10

Each run prints what it counted and ends with an error if a promise was broken.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from . import builders, common, long, mix, pool, runs, stores

Soak = Callable[[Random, Path, bool], str]
"""A run: it is given dice, a folder and whether the counts are those of the long form; it says what it counted."""

ALL: Final[Mapping[str, Soak]] = {
    "s1": runs.s1_kill_storm,
    "s2": mix.s2_fault_mix,
    "s3": runs.s3_poison,
    "s4": runs.s4_orphans,
    "s5": pool.s5_pool,
    "s6": runs.s6_state,
    "s7": runs.s7_frames,
    "s8": stores.s8_zips,
    "s9": stores.s9_registry,
    "s10": long.s10_long,
    "s11": runs.s11_storm,
    "s12": runs.s12_stderr,
    "s13": builders.s13_builders,
}


def main(argv: list[str] | None = None) -> int:
    """Run those asked for; 0 if all held."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="RUN", help=f"of {', '.join(ALL)}; default: all")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--full", action="store_true", help="the counts of the long form")
    parser.add_argument("--minutes", type=float, default=long.MINUTES, help="how long s10 takes; default: %(default)s")
    options = parser.parse_args(argv)
    unknown = sorted(set(options.names) - set(ALL))
    if unknown:
        parser.error(f"no run {unknown[0]!r}; there are {', '.join(ALL)}")
    print(f"seed {options.seed}{' (full)' if options.full else ''}", flush=True)
    chosen = {name: ALL[name] for name in options.names or ALL}
    if "s10" in chosen:
        chosen["s10"] = partial(long.s10_long, minutes=options.minutes)
    with tempfile.TemporaryDirectory() as scratch:  # of our own, so that what is left behind is ours
        os.environ["TMPDIR"] = tempfile.tempdir = scratch
        return run_all(chosen, options.seed, full=options.full)


def run_all(chosen: Mapping[str, Soak], seed: int, *, full: bool) -> int:
    """Run these, and say what they counted; 0 if all held."""
    broken = 0
    for name, soak in chosen.items():
        started, before = time.monotonic(), common.held()
        with tempfile.TemporaryDirectory() as home:
            try:
                counted = soak(random.Random(f"{seed} {name}"), Path(home), full)
                leaks = common.leaks(before)
                if leaks:
                    raise AssertionError(f"left behind: {leaks}")
            except AssertionError as error:
                broken += 1
                print(f"{name}: BROKEN: {error}", flush=True)
            else:
                print(f"{name}: {counted} ({time.monotonic() - started:.1f} s)", flush=True)
    print(f"{len(chosen) - broken} passed, {broken} failed")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
