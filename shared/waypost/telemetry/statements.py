"""Database statements as events of the running span. A separate span per statement costs more
than most statements.

An event is named after operation and table (`select users.accounts`), following OpenTelemetry's
database conventions.
"""

import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache

from opentelemetry import trace

from waypost.telemetry import names

STATEMENTS_KEPT = 2_000
"""Cache size. A service has a few hundred statements; texts with values, of migrations or
operators, are evicted.
"""

_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL)
_NO_TABLE = re.compile(r"extract\s*\(\s*\w+\s+from|is (?:not )?distinct from", re.IGNORECASE)
_NAME = r"(?:only\s+)?(\"?[a-z_][\w.\"]*)"
_WRITE = re.compile(
    rf"\b(insert)\s+into\s+{_NAME}|\b(delete)\s+from\s+{_NAME}"
    rf"|(?<!for )(?<!do )(?<!key )\b(update)\s+{_NAME}(?:\s+(?:as\s+)?\w+)?\s+set\b",
    re.IGNORECASE,
)
_TABLE_EXPRESSION = re.compile(
    r"(?:\bwith|\brecursive|,)\s+(\w+)\s*(?:\([^()]*\)\s*)?as\s+(?:not\s+)?(?:materialized\s+)?\(", re.IGNORECASE
)
_FROM = re.compile(rf"\bfrom\s+{_NAME}", re.IGNORECASE)
_FUNCTION = re.compile(r"\bselect\s+([a-z_][\w.]*)\s*\(", re.IGNORECASE)


def statement_event(text: str) -> AbstractContextManager[None]:
    """Adds the statement that runs in the block to the running span, with its duration and the
    class of its error.
    """
    return _timed(text) if trace.get_current_span().is_recording() else _UNRECORDED


_UNRECORDED = nullcontext()


@contextmanager
def _timed(text: str) -> Iterator[None]:
    began_ns = time.time_ns()
    try:
        yield
    except BaseException as error:
        add_statement(text, began_ns, error)
        raise
    add_statement(text, began_ns)


def add_statement(text: str, began_ns: int, error: BaseException | None = None) -> None:
    """Adds a statement that has ended to the running span. `began_ns`: Unix time in nanoseconds."""
    span = trace.get_current_span()
    if span.is_recording():
        failed = {names.ERROR_TYPE: type(error).__name__} if error is not None else {}
        microseconds = (time.time_ns() - began_ns) // 1000
        span.add_event(statement_name(text), {names.STATEMENT_MICROSECONDS: microseconds, **failed}, began_ns)


@lru_cache(maxsize=STATEMENTS_KEPT)
def statement_name(text: str) -> str:
    """A name such as `insert outbox`, `select users.accounts`, `select pg_notify` or `begin`.
    A statement that writes is named after its first write.
    """
    sql = _NO_TABLE.sub("", _COMMENT.sub(" ", text)).strip()
    word = (re.match(r"\w+", sql) or [""])[0].lower()
    if word not in ("select", "with", "insert", "update", "delete"):
        return word or "postgresql"
    if written := _WRITE.search(sql):
        operation, table = (part for part in written.groups() if part)
        return f"{operation.lower()} {_plain(table)}"
    names = {name.lower() for name in _TABLE_EXPRESSION.findall(sql)}
    for table in _FROM.findall(sql):
        if table.lower() not in names:
            return f"select {_plain(table)}"
    called = _FUNCTION.search(sql)
    return f"select {called[1].lower()}" if called else "select"


def _plain(table: str) -> str:
    return table.replace('"', "").lower()
