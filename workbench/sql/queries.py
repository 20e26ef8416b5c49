"""One Doris statement as DuckDB reads it: its text, the calls of our functions in it, and the tables it names.

Calls are left open: each stands as ``__call_N(…)``, which the engine fills in when it knows the types of the arguments,
as overloads are told apart by those. An aggregate is a call over the list of its rows, so GROUP BY, DISTINCT, FILTER,
HAVING and OVER are DuckDB's own. The invariant: what is not carried over is refused by name with its position, or told
in ``notes``. Left out on purpose: statements about functions and databases (`workbench.sql.statements`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, Literal

import sqlglot
from sqlglot import ErrorLevel, exp
from sqlglot.errors import ParseError, SqlglotError, TokenError, UnsupportedError

from workbench.errors import QueryError
from workbench.functions import Kind
from workbench.sql import queries_builtins, queries_lateral, queries_staged, queries_windows
from workbench.sql.queries_builtins import named, offset_of, struct_of
from workbench.sql.queries_dialect import dialect
from workbench.sql.queries_tables import items_of, place_tables, without_storage
from workbench.worker.words import counted

Form = Literal["scalar", "aggregate", "running", "table"]

READS: Final = (exp.Select, exp.SetOperation, exp.Subquery, exp.Values)
WRITES: Final = (exp.Insert, exp.Create, exp.Drop, exp.TruncateTable, exp.Delete, exp.Update, exp.Describe)
TABLES: Final = ("TABLE", "VIEW")

BEGINNINGS: Final = (
    *("SELECT", "WITH", "VALUES", "INSERT", "UPDATE", "DELETE", "TRUNCATE"),
    *("CREATE", "DROP", "DESCRIBE", "SHOW", "EXPLAIN"),
)
"""Words that a statement begins with."""

ALIKE: Final = 0.75
"""How alike a word is to the one that was meant, as difflib counts: SELEC and SLECT are, SET is not."""

_FIRST: Final = re.compile(r"[\s(]*(\w+)")
_EXPLAIN: Final = re.compile(r"\s*(EXPLAIN)\s+(?:(?:VERBOSE|PLAN)\s+)?(?=SELECT|WITH|INSERT|\()", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Known:
    """What must be known of a function to find its calls. ``columns`` are a table function's."""

    kind: Kind
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """A call to be filled in: ``__call_N`` in the text. ``columns``: how many a table function is wanted to have.

    ``in_window``: DuckDB takes only what gives the same again for the order and the partitions of a window.
    """

    number: int
    name: str
    form: Form
    arguments: int
    offset: int | None
    columns: int = 1
    in_window: bool = False

    @property
    def symbol(self) -> str:
        """Its name in the text."""
        return f"__call_{self.number}"


@dataclass(frozen=True, slots=True)
class Query:
    """A statement for DuckDB. ``tables`` are (database, name) as written; the database is "" where none is.

    ``staged`` is the same in stages, where that can be had: for many rows.
    """

    sql: str
    reads: bool
    calls: tuple[Call, ...]
    tables: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    staged: queries_staged.Staged | None = None


def rewrite(text: str, functions: Mapping[str, Known], *, offset: int = 0) -> Query:
    """Read one statement of Doris's SQL.

    ``functions`` are those that can be called, by lower-case name, or ``database.name``; ``offset`` is where the text
    begins in its script. Raises QueryError.
    """
    try:
        return _Rewriter(functions).rewrite(text)
    except QueryError as error:
        error.offset = None if error.offset is None else error.offset + offset
        raise


class _Rewriter:
    """The state of one `rewrite`: the calls found so far, and what is to be said."""

    def __init__(self, functions: Mapping[str, Known]) -> None:
        self._functions = functions
        self._dialect = dialect(frozenset(name for name in functions if "." not in name))
        self._calls: list[Call] = []
        self._same: dict[tuple[object, ...], Call] = {}
        self._notes: list[str] = []

    def rewrite(self, text: str) -> Query:
        explained = _EXPLAIN.match(text)
        if explained is not None:
            text = " " * explained.end() + text[explained.end() :]
        tree = self._parse(text)
        self._check(tree, text)
        tables = tuple(_tables(tree))
        place_tables(tree)
        self._plain(tree)
        self._name_results(tree, text)
        queries_windows.rewrite(tree, self._is("udaf"), self._running)
        for node in reversed(list(tree.walk())):
            new = self._replaced(node)
            if new is not node:
                node.replace(new)
        queries_lateral.rewrite(tree, self._table, self._columns)
        for node in tree.find_all(exp.Anonymous):
            self._left_over(node)
        sql = self._written(tree)
        reads = isinstance(tree, (*READS, exp.Describe)) or explained is not None
        staged = None if explained else queries_staged.split(tree, [call.form for call in self._calls])
        sql, notes = f"EXPLAIN {sql}" if explained else sql, tuple(dict.fromkeys(self._notes))
        return Query(sql, reads, tuple(self._calls), tables, notes, staged)

    def _parse(self, text: str) -> exp.Expr:
        try:
            tokens = self._dialect().tokenize(text)
            if len(tokens) > 1 and [token.text.upper() for token in tokens[:2]] == ["CREATE", "TABLE"]:
                text, notes = without_storage(text, tokens)
                self._notes += notes
            trees = [tree for tree in sqlglot.parse(text, read=self._dialect) if tree is not None]
        except ParseError as error:
            raise _not_read(error, text) from error
        except TokenError as error:
            raise QueryError("the statement cannot be read: a quote or comment is not closed", offset=0) from error
        except RecursionError as error:
            raise QueryError("the statement is nested too deeply", offset=0) from error
        if len(trees) != 1:
            raise QueryError(f"one statement was expected, {len(trees)} are here", offset=0)
        return trees[0]

    def _check(self, tree: exp.Expr, text: str) -> None:
        """Refuse what is no query, and what would lose its meaning."""
        words = " ".join(text.split()[:2]).upper()
        kind = str(tree.args.get("kind") or "").upper()
        if not isinstance(tree, (*READS, *WRITES)):
            if isinstance(tree, exp.Condition | exp.Alias) and (misspelt := _misspelt(text)) is not None:
                raise misspelt
            raise QueryError(f"{words} cannot be run here", offset=len(text) - len(text.lstrip()))
        if isinstance(tree, exp.Create | exp.Drop) and kind not in TABLES:
            raise QueryError(f"{words} cannot be run here", offset=0)
        if isinstance(tree, exp.Insert) and tree.args.get("overwrite"):
            raise QueryError("INSERT OVERWRITE cannot be run here", offset=0, hint="TRUNCATE TABLE, then INSERT INTO")
        if isinstance(tree, exp.Create) and kind == "VIEW" and any(map(self._known, tree.find_all(exp.Anonymous))):
            raise QueryError(
                "a view cannot call a Python function here", offset=0, hint="CREATE TABLE … AS SELECT keeps its rows"
            )
        if isinstance(tree, exp.Drop):
            self._dropped(tree)
        for hint in tree.find_all(exp.Hint):
            hint.pop()
            self._notes.append("hints are for Doris's optimizer and were left out")
        for node in tree.find_all(exp.ColumnConstraint):
            self._constraint(node)

    def _dropped(self, tree: exp.Drop) -> None:
        """DROP TABLE t FORCE: there is no recycle bin here."""
        for option in ("force", "purge", "cascade"):
            if tree.args.get(option):
                tree.set(option, None)
                self._notes.append(f"{option.upper()} has no meaning here and was left out")

    def _constraint(self, node: exp.ColumnConstraint) -> None:
        kind = node.kind
        if isinstance(kind, exp.CommentColumnConstraint):
            node.pop()
            self._notes.append("COMMENT of columns was left out")
        elif isinstance(kind, exp.AutoIncrementColumnConstraint | exp.OnUpdateColumnConstraint):
            raise QueryError(f"{kind.sql('doris')} cannot be had here", offset=offset_of(node))

    # -- calls ---------------------------------------------------------------------------------------------------------

    def _known(self, node: exp.Expr) -> Known | None:
        """What is known of a call, if it is one of ours."""
        return self._functions.get(self._name(node)) if isinstance(node, exp.Anonymous) else None

    def _is(self, kind: Kind) -> queries_windows.Test:
        def test(node: exp.Expr) -> bool:
            known = self._known(node)
            return known is not None and known.kind == kind

        return test

    def _name(self, node: exp.Anonymous) -> str:
        """The name as `functions` has it: with the database that is written before it."""
        above = node.parent
        database = above.this.name.lower() if isinstance(above, exp.Dot) and above.expression is node else ""
        return f"{database}.{node.name.lower()}" if database else node.name.lower()

    def _plain(self, tree: exp.Expr) -> None:
        """``db.f(x)`` as a call by that name, so that all calls look alike."""
        for node in list(tree.find_all(exp.Dot)):
            call = node.expression
            if isinstance(call, exp.Anonymous) and self._known(call) is not None:
                name = self._name(call)
                call.set("this", name)
                node.replace(call)

    def _name_results(self, tree: exp.Expr, text: str) -> None:
        """Columns are called as they were written, not as they are rewritten."""
        select = tree.expression if isinstance(tree, exp.Insert | exp.Create) else tree
        while isinstance(select, exp.SetOperation | exp.Subquery):
            select = select.this
        items = list(select.expressions) if isinstance(select, exp.Select) else []
        texts = items_of(text, self._dialect().tokenize(text))
        if len(texts) != len(items):
            return  # it begins in brackets: DuckDB names the columns
        for item, written in zip(items, texts, strict=True):
            if not isinstance(item, exp.Alias | exp.Column | exp.Star) and not item.is_star:
                item.replace(exp.alias_(item.copy(), exp.to_identifier(written, quoted=True)))

    def _add(self, node: exp.Anonymous, form: Form, arguments: int, *, columns: int = 1) -> str:
        window = node.find_ancestor(exp.Window, exp.Select)
        inside = isinstance(window, exp.Window) and not any(window.this is one for one in _above(node))
        key = (id(node.parent_select), form, columns, inside, node.sql("duckdb", normalize_functions=False))
        if key not in self._same:  # the same call twice is one function, or GROUP BY f(x) would not know f(x)
            call = Call(len(self._calls), node.name.lower(), form, arguments, offset_of(node), columns, inside)
            self._calls.append(call)
            self._same[key] = call
        return self._same[key].symbol

    def _replaced(self, node: exp.Expr) -> exp.Expr:
        known = self._known(node)
        if known is None or not isinstance(node, exp.Anonymous):
            return queries_builtins.rewrite(node)
        if known.kind != "udtf" and isinstance(node.parent, exp.Lateral):
            raise queries_lateral.no_rows(node)
        if known.kind == "udf":
            return self._scalar(node)
        return self._aggregate(node) if known.kind == "udaf" else node

    def _scalar(self, node: exp.Anonymous) -> exp.Expr:
        above = node.parent
        if isinstance(above, exp.Window | exp.Filter) and above.this is node:
            raise QueryError(f"{node.name} is no aggregate: it has no OVER and no FILTER", offset=offset_of(node))
        if any(isinstance(one, exp.Distinct) for one in node.expressions):
            raise QueryError(f"{node.name} is no aggregate: it takes no DISTINCT", offset=offset_of(node))
        return named(self._add(node, "scalar", len(node.expressions)), *_counted(node.expressions))

    def _aggregate(self, node: exp.Anonymous) -> exp.Expr:
        """``f(x, y)`` as ``__call_1(list({'a0': x, 'a1': y}))``; what stands behind it stays with the list."""
        symbol, rows = self._rows(node, "aggregate")
        top: exp.Expr = node
        while isinstance(top.parent, exp.Filter | exp.Window) and top.parent.this is top:
            top = top.parent
        if top is node:
            return named(symbol, rows)
        node.replace(rows)
        top.replace(named(symbol, top.copy()))
        return node

    def _rows(self, node: exp.Anonymous, form: Form) -> tuple[str, exp.Expr]:
        arguments = list(node.expressions)
        distinct = len(arguments) == 1 and isinstance(arguments[0], exp.Distinct)
        if distinct:
            arguments = list(arguments[0].expressions)
        if any(isinstance(one, exp.Star) for one in arguments):
            raise QueryError(f"{node.name} takes columns, not *", offset=offset_of(node))
        values = [(f"a{index}", one) for index, one in enumerate(arguments)]
        item = struct_of(values or [("none", exp.Literal.number(0))])
        symbol = self._add(node, form, len(arguments))
        return symbol, named("list", exp.Distinct(expressions=[item]) if distinct else item)

    def _running(self, node: exp.Anonymous) -> tuple[str, exp.Expr]:
        """The call that gives the result after each row of a list, and the row."""
        symbol, rows = self._rows(node, "running")
        return symbol, rows.expressions[0]

    def _table(self, node: exp.Anonymous, columns: int) -> exp.Expr | None:
        known = self._functions.get(node.name.lower())
        if known is None or known.kind != "udtf":
            return None
        have = len(known.columns)
        if columns not in (0, 1, have):
            raise QueryError(
                f"{node.name} has {counted(have, 'column')} ({', '.join(known.columns)}), {columns} are named",
                offset=offset_of(node),
            )
        symbol = self._add(node, "table", len(node.expressions), columns=columns or have)
        return named(symbol, *_counted(node.expressions))

    def _columns(self, node: exp.Anonymous) -> tuple[str, ...]:
        known = self._functions.get(node.name.lower())
        return known.columns if known is not None else ()

    def _left_over(self, node: exp.Anonymous) -> None:
        known = self._functions.get(node.name.lower())
        if known is not None and known.kind in ("udtf", "script"):
            what = "a table function" if known.kind == "udtf" else "a script"
            hint = f"write LATERAL VIEW {node.name}(…) t AS c" if known.kind == "udtf" else "run it with %udf run"
            raise QueryError(f"{node.name} is {what}, which gives no value here", offset=offset_of(node), hint=hint)

    def _written(self, tree: exp.Expr) -> str:
        try:
            return tree.sql("duckdb", normalize_functions=False, unsupported_level=ErrorLevel.RAISE)
        except UnsupportedError as error:
            raise QueryError(f"DuckDB has no counterpart: {error}", offset=offset_of(tree)) from error
        except (SqlglotError, ValueError) as error:
            raise QueryError(f"the statement cannot be written for DuckDB: {error}", offset=0) from error


def _above(node: exp.Expr) -> Iterator[exp.Expr]:
    """A node, and the nodes that it is in."""
    above: exp.Expr | None = node
    while above is not None:
        yield above
        above = above.parent


def _counted(arguments: list[exp.Expr]) -> list[exp.Expr]:
    """Arguments that tell how many rows there are: a function without any gets one that is not constant."""
    return arguments or [named("random")]


def _tables(tree: exp.Expr) -> Iterator[tuple[str, str]]:
    """The tables that are read, each once, in the order of the text; without those that the statement makes itself."""
    made = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    target = tree.find(exp.Table) if isinstance(tree, WRITES) and not isinstance(tree, exp.Describe) else None
    seen = set()
    for table in tree.find_all(exp.Table):
        key = (table.db, table.name)
        if table is target or not isinstance(table.this, exp.Identifier) or key in seen:
            continue
        if table.db or table.name.lower() not in made:
            seen.add(key)
            yield key


def _misspelt(text: str) -> QueryError | None:
    """The first word of a statement, if it is nearly one: sqlglot takes it for a name, and stumbles later."""
    first = _FIRST.match(text)
    if first is None or first[1].upper() in BEGINNINGS:
        return None
    near = get_close_matches(first[1].upper(), BEGINNINGS, n=1, cutoff=ALIKE)
    if not near:
        return None
    message = f"the statement cannot be read at {first[1]!r}"
    return QueryError(message, offset=first.start(1), hint=f"did you mean {near[0]}?")


def _not_read(error: ParseError, text: str) -> QueryError:
    """What sqlglot could not read, in our words."""
    if (misspelt := _misspelt(text)) is not None:
        return misspelt
    found: Sequence[Mapping[str, object]] = error.errors or [{}]
    first = found[0]
    word = str(first.get("highlight") or "")
    at = _offset(text, first.get("line"), first.get("col"), len(word))
    if word.upper() in queries_builtins.REFUSED:
        return QueryError(f"the type {word.upper()} cannot be had here", offset=at)
    near = f" at {word!r}" if word else ""
    why = str(first.get("description") or error).partition(" for <class")[0].lower()
    return QueryError(f"the statement cannot be read{near}: {why}", offset=at)


def _offset(text: str, line: object, column: object, length: int) -> int:
    """From a line and the column of a word's last character to the word's first."""
    if not isinstance(line, int) or not isinstance(column, int):
        return 0
    before = sum(len(one) for one in text.splitlines(keepends=True)[: line - 1])
    return max(0, before + column - length)
