"""Writes that are sent in one message with the commit, so that they cost no round trip.

The simple query protocol executes several statements of one message, but has no parameters: the
rows are literals in the text. A failed statement ends the message, so that nothing commits.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

import asyncpg

from waypost.kernel.errors import Invalid

_PARAMETER = re.compile(r"\$(\d+)")

_NO_ERRORS: Mapping[str, type[Exception]] = MappingProxyType({})


class LastWrites:
    """The last writes of one transaction, in the order of `add`."""

    def __init__(self) -> None:
        self._statements: list[str] = []
        self._errors: dict[str, type[Exception]] = {}
        self.is_sent = False

    def add(self, statement: str, errors: Mapping[str, type[Exception]] = _NO_ERRORS) -> None:
        """`statement`: complete, with literals. `errors`: by the name of a unique constraint, the
        error that the commit raises if the constraint is violated. Raises RuntimeError after the
        message was sent.
        """
        if self.is_sent:
            raise RuntimeError("the transaction is being committed: its last writes are sent already")
        self._statements.append(statement)
        self._errors.update(errors)

    async def commit(self, raw: asyncpg.Connection) -> str:
        """Executes the writes and the commit. Returns the command tag, COMMIT or ROLLBACK."""
        self.is_sent = True
        try:
            return str(await raw.execute("; ".join((*self._statements, "commit"))))
        except asyncpg.UniqueViolationError as error:
            error_class = self._errors.get(error.constraint_name or "")
            if error_class is None:
                raise
            raise error_class from error


class LiteralInsert:
    """Inserts rows in their order, as literals."""

    def __init__(self, table: str, columns: Sequence[str]) -> None:
        self._begin = f"insert into {table} ({', '.join(columns)}) values "

    def text(self, rows: Sequence[Sequence[object]]) -> str:
        """The statement. Raises the errors of `literal`."""
        return self._begin + ", ".join([f"({', '.join(map(literal, row))})" for row in rows])


def with_literals(statement: str, arguments: Sequence[object]) -> str:
    """The statement with literals in place of `$1`, `$2` …. Raises the errors of `literal`."""
    return _PARAMETER.sub(lambda found: literal(arguments[int(found[1]) - 1]), statement)


def literal(value: object) -> str:
    """The value as a literal, whose type is that of its column. Raises Invalid for a text with a
    NUL character, which would end the message, and TypeError for a value without a literal.
    """
    to_literal = _LITERALS.get(type(value)) or _of_base(type(value))
    return to_literal(value)


def _of_base(kind: type) -> Callable[[Any], str]:
    """For a subclass, such as an enumeration of texts."""
    for base in kind.__mro__:
        if base in _LITERALS:
            return _LITERALS[base]
    raise TypeError(f"a {kind.__name__} has no SQL literal: add it to waypost.postgres.last_writes")


def _text(value: str) -> str:
    if "\0" in value:
        raise Invalid("a text with a NUL character cannot be stored")
    return "E'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


# Escape strings do not depend on `standard_conforming_strings`.
_LITERALS: Mapping[type, Callable[[Any], str]] = {
    type(None): lambda _: "null",
    str: _text,
    int: lambda value: f"'{value:d}'",
    bytes: lambda value: f"E'\\\\x{value.hex()}'",
    UUID: lambda value: f"'{value.int:032x}'",
    datetime: lambda value: f"'{value.astimezone(UTC).isoformat()}'",  # the server refuses offsets from 16 h on
}
