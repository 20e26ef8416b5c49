"""The commands about what is registered: package, list, ddl, drop, doctor."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import Final

from workbench.cli.arguments import Add, count, definition, definition_options, registered, say
from workbench.worker.words import counted


def add(command: Add) -> None:
    """Enter the commands."""
    package = command("package", _package, "write a function's zip", _PACKAGE_EXAMPLES, definition_options())
    package.add_argument(
        "source", metavar="SOURCE", help="a .py file, a folder, a zip, or a registered function's name"
    )
    package.add_argument("-o", "--output", metavar="ZIP", required=True, help="where to write it")
    command("list", _list, "list the registered functions", "example:\n  workbench list")
    ddl = command("ddl", _ddl, "write the SQL that registers a function in Doris", _DDL_EXAMPLES)
    ddl.add_argument("name", metavar="NAME", help=_NAME_HELP)
    ddl.add_argument("--function-version", dest="version", metavar="N", type=count, help="default: the latest")
    ddl.add_argument(
        "--dialect", default="doris", help="doris (as shipped) or doris-proposal (pull 56877); default: doris"
    )
    ddl.add_argument("--file", metavar="URL", help="where the zip is (default: the code is written into the statement)")
    deploy = command("deploy", _deploy, "say how to have a function in Doris or Fungi", _DEPLOY_EXAMPLES)
    deploy.add_argument("name", metavar="NAME", help=_NAME_HELP)
    deploy.add_argument("--function-version", dest="version", metavar="N", type=count, help="default: the latest")
    deploy.add_argument("--target", metavar="NAME", default="doris", help="doris (default), doris-proposal or fungi")
    deploy.add_argument("--file", metavar="URL", help="where the zip will be")
    deploy.add_argument("--packages", metavar="FILE", help="the output of SHOW PYTHON PACKAGES IN 'x.y.z' there")
    deploy.add_argument("-o", "--output", metavar="DIR", help="write the package and the statements into a folder")
    drop = command("drop", _drop, "remove a function with its versions", "example:\n  workbench drop score")
    drop.add_argument("name", metavar="NAME", help=_NAME_HELP)
    command("doctor", _doctor, "look at interpreters, packages and the home", "example:\n  workbench doctor")


def _package(options: argparse.Namespace) -> int:
    from workbench.session import Workbench

    with Workbench(options.home) as session:
        function = registered(session, options)
        if function is not None:
            path = function.package(options.output)
        else:
            path = session.package(Path(options.source), options.output, **definition(options))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    print(f"wrote {path}: {path.stat().st_size:,} bytes, sha256 {digest}")
    return 0


def _list(options: argparse.Namespace) -> int:
    from workbench import terminal
    from workbench.session import Workbench

    with Workbench(options.home) as session:
        functions = session.functions()
        if functions:
            terminal.console().print(terminal.functions_table((one.spec, one.version) for one in functions))
        else:
            say(f"no function is registered in {session.home}", "  workbench run SOURCE --input FILE registers one")
    return 0


def _ddl(options: argparse.Namespace) -> int:
    from workbench.session import Workbench

    with Workbench(options.home) as session:
        print(session.function(options.name, options.version).ddl(options.dialect, file=options.file), end="")
    return 0


def _deploy(options: argparse.Namespace) -> int:
    from workbench.session import Workbench

    with Workbench(options.home) as session:
        function = session.function(options.name, options.version)
        plan = function.plan(options.target, file=options.file, packages=options.packages)
        print(plan)
        if options.output is not None and plan.ok:
            say(*(f"wrote {path}" for path in plan.write(Path(options.output))))
    return 0 if plan.ok else 1


def _drop(options: argparse.Namespace) -> int:
    from workbench.session import Workbench

    with Workbench(options.home) as session:
        count = session.drop(options.name)
    print(f"dropped {options.name}: {counted(count, 'version')}, with their runs and packages")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from workbench import settings, terminal
    from workbench.session.doctor import doctor

    findings = doctor(settings.home(options.home))
    terminal.console().print(terminal.findings_table(findings))
    return 1 if any(finding.grade == "problem" for finding in findings) else 0


_NAME_HELP: Final = "a registered function; 'score(INT, INT)' chooses among overloads"

_PACKAGE_EXAMPLES: Final = """examples:
  workbench package score.py --signature 'score(a DOUBLE, b DOUBLE) -> DOUBLE' -o score.zip
  workbench package my_transform/ --entry main.py -o my_transform.zip
  workbench package score -o score.zip"""

_DDL_EXAMPLES: Final = """examples:
  workbench ddl score
  workbench ddl score --dialect doris-proposal --file https://example.com/udf/score.zip"""

_DEPLOY_EXAMPLES: Final = """examples:
  workbench deploy score --file https://example.com/udf/score.zip -o handover/
  workbench deploy score --packages packages.tsv
  workbench deploy transform --target fungi -o handover/"""
