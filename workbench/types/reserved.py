"""The words that cannot be names in Doris's SQL unless they are quoted, as data.

Source: the keywords of ``DorisLexer.g4`` in apache/doris that ``nonReserved`` of ``DorisParser.g4`` does not list; a
word that only some versions reserve is here, as quoting it does no harm. Left out on purpose: other dialects.
"""

from __future__ import annotations

from typing import Final

RESERVED: Final = frozenset(
    """
    account_lock account_unlock add admin all alter analyze analyzer and anti append as asc auto
    backend between bigint binary binlog branch by
    cancel case cast character clean collate column constraint create cross cube current
    database databases days decommission default delete desc describe disk distinct distributed distribution div
    double drop dropp dump duplicate
    else enter except execute exists explain export extended extract
    false float follower following for force foreign from frontend full functions
    grant grants group having hll hours
    if in index infile inner insert install int integer intermediate intersect interval into is
    join key keys kill largeint lateral layout left like limit list load low_priority
    match maxvalue minus minutes natural no_use_mv not null
    observer on or order outer outfile over overwrite
    partition play preceding prepare primary procedure
    range read real rebalance references regexp release rename repair replica retain retention revoke right role roles
    row rows
    schemas select semi set sets show signed smallint snapshots sql_block_rule superuser switch sync system
    table tablesample tablet tablets tag terminated then tinyint to token_filter tokenizer trash trim true type_cast
    unbounded uninstall union unique unsigned update use use_mv using
    values when where whitelist with workload write xor
    """.split()  # noqa: SIM905 - words are read as words
)
"""In lower case; the case of a keyword does not matter."""
