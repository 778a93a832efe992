"""Names of database spans: operation and table (`select users.accounts`), following OpenTelemetry's
database conventions.
"""

import re
from functools import lru_cache

from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor

INSTRUMENTATION = "opentelemetry.instrumentation.asyncpg"
TEXT_ATTRIBUTES = ("db.query.text", "db.statement")
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


class StatementNames(SpanProcessor):
    """Renames the spans of asyncpg's instrumentation, which only knows the first word. Called for
    recorded spans only.
    """

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        scope = span.instrumentation_scope
        if scope is None or scope.name != INSTRUMENTATION or span.attributes is None:
            return
        text = next((span.attributes[name] for name in TEXT_ATTRIBUTES if name in span.attributes), None)
        if isinstance(text, str):
            span.update_name("begin" if text.startswith("begin;") else statement_name(text))


@lru_cache(maxsize=STATEMENTS_KEPT)
def statement_name(text: str) -> str:
    """A span name such as `insert outbox`, `select users.accounts`, `select pg_notify` or `begin`.
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
