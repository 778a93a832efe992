"""Writes rows on the driver. SQLAlchemy compiles each statement once; its execution costs twice as
much as the round trip.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, Delete, Dialect, Insert, Update
from sqlalchemy import Row as SqlRow
from sqlalchemy.engine.result import result_tuple
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.sql.compiler import SQLCompiler

Row = Mapping[str, Any]
Write = Insert | Update | Delete
Process = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class CompiledWrite:
    text: str
    _compiler: SQLCompiler
    _columns: Sequence[tuple[str, Process | None]]
    """The parameters in the order of the text, each with the conversion of its type."""

    def arguments(self, row: Row) -> Sequence[object]:
        """The row as arguments of the driver. Raises the errors of SQLAlchemy for a missing
        value.
        """
        values = self._compiler.construct_params(row)
        return [values[name] if process is None else process(values[name]) for name, process in self._columns]

    @property
    def generated(self) -> Sequence[ColumnElement[Any]]:
        """Columns of the primary key that the server generates, and the statement returns."""
        return self._compiler.implicit_returning or ()

    def primary_key(self, row: Row, returned: Sequence[Any]) -> SqlRow[Any]:
        """The primary key of the row that an insert has written; `returned` are the generated
        values. Raises InvalidRequestError for another statement.
        """
        statement = self._compiler.statement
        if not isinstance(statement, Insert):
            raise InvalidRequestError("only an insert has the primary key of its row")
        names = [column.key for column in statement.table.primary_key]
        values = self._compiler.construct_params(row)
        generated = dict(zip([column.key for column in self.generated], returned, strict=False))
        return result_tuple(names)([generated.get(name, values.get(name)) for name in names])


class CompiledWrites:
    """The compiled statements of one engine. Compiles only statements that are executed again: a
    statement that is built for each execution would be compiled each time.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._known: WeakKeyDictionary[Write, dict[tuple[str, ...], CompiledWrite | None]] = WeakKeyDictionary()

    def find(self, statement: object, rows: object) -> CompiledWrite | None:
        """None if SQLAlchemy has to execute the statement: for a statement that is written to
        return rows or uses defaults of Python, for values of other forms, and at the first
        execution.
        """
        if not rows or not isinstance(rows, list | dict) or not isinstance(statement, Insert | Update | Delete):
            return None
        known = self._known.get(statement)
        if known is None:
            self._known[statement] = {}
            return None
        names = tuple(rows[0] if isinstance(rows, list) else rows)
        if names not in known:
            known[names] = self._compile(statement, names)
        return known[names]

    def _compile(self, statement: Write, names: Sequence[str]) -> CompiledWrite | None:
        # Compiles a copy. The result refers to it, and would keep the statement itself alive, which
        # is the weak key of this result.
        copy = statement.execution_options()
        compiled = copy.compile(dialect=self._dialect, column_keys=list(names))
        if not isinstance(compiled, SQLCompiler) or not _is_plain(compiled, self._dialect):
            return None
        columns = [
            (name, compiled.binds[name].type.dialect_impl(self._dialect).bind_processor(self._dialect))
            for name in compiled.positiontup or ()
        ]
        return CompiledWrite(str(compiled), compiled, columns)


def _is_plain(compiled: SQLCompiler, dialect: Dialect) -> bool:
    """True if the text and the values of the rows are all that an execution needs."""
    needs_more = (
        compiled.insert_prefetch,
        compiled.update_prefetch,
        compiled.escaped_bind_names,
        compiled.post_compile_params,
        compiled.literal_execute_params,
    )
    return not any(needs_more) and _returns_only_keys(compiled, dialect)


def _returns_only_keys(compiled: SQLCompiler, dialect: Dialect) -> bool:
    """True if the statement returns nothing that its author has asked for, and no value that its
    type converts. SQLAlchemy adds the key that the server generates.
    """
    if compiled.statement._returning or compiled.statement._return_defaults:  # type: ignore[union-attr] # an insert, an update or a delete
        return False
    return all(
        column.primary_key and column.type.dialect_impl(dialect).result_processor(dialect, None) is None
        for column in compiled.implicit_returning or ()
    )
