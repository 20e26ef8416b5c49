"""The SQL of the Doris proposal as it is printed; only its example URLs lead to a server of the test.

The server gives one zip whose code is that of the proposal: ``evaluate``, a generator, and a batch of tuples.
"""

from __future__ import annotations

import http.server
import io
import threading
import zipfile
from collections.abc import Iterator

import pytest

from workbench import Workbench

UDF = """
CREATE FUNCTION my_python_udf(INT) RETURNS INT PROPERTIES (
"file"="https://tos.byted.org/user/udf.zip",
"symbol"="get_result",
"type"="PYTHON_UDF"
);
"""
UDTF = """
CREATE TABLES FUNCTION my_python_udtf(STRING, STRING) RETURNS
ARRAY<STRING> PROPERTIES (
"file"="https://tos.byted.org/user/udf.zip",
"symbol"="get_result",
"type"="PYTHON_UDF"
);
"""
BATCH = """
use {database_name};
CREATE FUNCTION batch_process(STRING, FLOAT) RETURNS INT PROPERTIES (
"file"="https://tosv.byted.org/obj/flow-byte-rag/pyudf.zip",
"symbol"="batch_process",
"type"="PYTHON_UDF",
"batch_size"="32" -- Triggers batch execution when value > 1
);
"""

FILES = {
    "/udf.zip": {"get_result.py": "def evaluate(a):\n    return None if a is None else a * 2\n"},
    "/udtf.zip": {
        "get_result.py": "def evaluate(text, delimiter):\n    for item in text.split(delimiter):\n        yield item\n"
    },
    "/batch.zip": {
        "batch_process.py": (
            "from concurrent.futures import ThreadPoolExecutor\n\n"
            "def handle(arg1, arg2):\n    return len(arg1) + int(arg2)\n\n"
            "def evaluate(batch_args) -> list[int]:\n"
            "    with ThreadPoolExecutor(max_workers=32) as executor:\n"
            "        futures = [executor.submit(handle, arg1, arg2) for (arg1, arg2) in batch_args]\n"
            "        return [f.result() for f in futures]\n"
        )
    },
}


class Handler(http.server.BaseHTTPRequestHandler):
    """Gives the zips and keeps no log."""

    def do_GET(self) -> None:
        """The zip of this path."""
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as file:
            for name, text in FILES[self.path].items():
                file.writestr(name, text)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(made.getvalue())

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a server on this machine."""
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()
        thread.join()


def test_every_statement_runs_as_printed(w: Workbench, server: str) -> None:
    """Scalar, table function and batch: created from the zip that the server gives, and called."""
    w.sql(UDF.replace("https://tos.byted.org/user", server))
    w.sql(UDTF.replace("https://tos.byted.org/user/udf", f"{server}/udtf"))
    w.sql("CREATE DATABASE d")
    script = BATCH.replace("https://tosv.byted.org/obj/flow-byte-rag/pyudf", f"{server}/batch")
    made = w.sql(script.replace("{database_name}", "d"))
    assert made.to_pandas()["Status"].tolist() == ["created d.batch_process(STRING, FLOAT) v1"]
    assert w.sql("SELECT my_python_udf(21) AS a, my_python_udf(NULL) AS b").to_arrow().to_pylist() == [
        {"a": 42, "b": None}
    ]
    split = w.sql(
        "SELECT k, e FROM (SELECT 1 AS k, 'a-b' AS s) t LATERAL VIEW my_python_udtf(s, '-') v AS e ORDER BY e"
    )
    assert split.to_arrow().to_pylist() == [{"k": 1, "e": "a"}, {"k": 1, "e": "b"}]
    rows = w.sql(
        "SELECT sum(batch_process(concat('x', CAST(number AS STRING)), 2.5)) AS n FROM numbers('number' = '100')"
    )
    assert rows.to_arrow()["n"].to_pylist() == [10 * 4 + 90 * 5]
    w.sql("DROP DATABASE d")
