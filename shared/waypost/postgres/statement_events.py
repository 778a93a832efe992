"""SQLAlchemy's statements as events of the running span. `waypost.postgres.sql` adds those of the
driver.
"""

import time
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine

from waypost.telemetry.statements import add_statement


def add_statement_events(engine: AsyncEngine) -> None:
    """Adds each statement of the engine to the span that runs it."""
    event.listen(engine.sync_engine, "before_cursor_execute", _begin)
    event.listen(engine.sync_engine, "after_cursor_execute", _end)
    event.listen(engine.sync_engine, "handle_error", _fail)


def _begin(_connection: Any, _cursor: Any, _statement: str, _values: Any, context: Any, _many: bool) -> None:
    context.began_ns = time.time_ns()


def _end(_connection: Any, _cursor: Any, statement: str, _values: Any, context: Any, _many: bool) -> None:
    add_statement(statement, context.began_ns)


def _fail(failure: ExceptionContext) -> None:
    began_ns = getattr(failure.execution_context, "began_ns", None)
    if began_ns is not None and failure.statement is not None:
        add_statement(failure.statement, began_ns, failure.original_exception)
