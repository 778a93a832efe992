"""Statements of the driver inside a transaction, for hot paths."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import asyncpg

from waypost.telemetry.statements import statement_event

if TYPE_CHECKING:  # a command that only reads does not load SQLAlchemy
    from sqlalchemy.ext.asyncio import AsyncConnection

    from waypost.postgres.connection_pool import TransactionConnection
    from waypost.postgres.last_writes import LastWrites

_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")


def driver(connection: "AsyncConnection") -> asyncpg.Connection:
    """The driver's connection inside the open transaction, for statements on a hot path. Raises
    RuntimeError outside a transaction, where each statement would commit by itself, and
    ConnectionDoesNotExistError if the connection was lost.
    """
    raw = open_connection(connection)
    if not raw.is_in_transaction():
        raise RuntimeError("a driver call outside a transaction: open one with Database.transaction first")
    return raw


async def roll_back(connection: "AsyncConnection") -> None:
    """Rolls the transaction back. `Database.transaction` then ends without a commit."""
    await driver(connection).execute("rollback")


class Sql:
    """Driver statements inside the open transaction of `connection`. Raises the errors of
    `driver`.
    """

    def __init__(self, connection: "AsyncConnection") -> None:
        self._connection = connection

    async def fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        with statement_event(statement):
            return await driver(self._connection).fetch(statement, *arguments)

    async def fetchrow(self, statement: str, *arguments: object) -> asyncpg.Record | None:
        with statement_event(statement):
            return await driver(self._connection).fetchrow(statement, *arguments)

    async def fetchval(self, statement: str, *arguments: object) -> Any:
        with statement_event(statement):
            return await driver(self._connection).fetchval(statement, *arguments)

    async def execute(self, statement: str, *arguments: object) -> str:
        """Returns the command tag, such as `UPDATE 1`."""
        with statement_event(statement):
            return await driver(self._connection).execute(statement, *arguments)

    async def executemany(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        with statement_event(statement):
            await driver(self._connection).executemany(statement, rows)


class NamedSql:
    """A statement with named parameters, such as `NamedSql("select :id::uuid")`, for the driver,
    which supports only `$1`. Quoted text must not contain a colon before a lower-case letter.
    """

    def __init__(self, text: str) -> None:
        self._names = tuple(dict.fromkeys(_PARAMETER.findall(text)))
        self.text = _PARAMETER.sub(lambda found: f"${self._names.index(found[1]) + 1}", text)

    def bind(self, values: Mapping[str, object]) -> tuple[str, *tuple[object, ...]]:
        """The statement and its arguments, for `fetch(*statement.bind(values))`. Raises KeyError
        for a missing name.
        """
        return self.text, *(values[name] for name in self._names)


def last_writes(connection: "AsyncConnection") -> "LastWrites":
    """The writes that are sent with the commit of the open transaction. A rollback to a savepoint
    does not drop them: see `in_savepoint`. Raises the errors of `driver`, for example after the
    transaction.
    """
    driver(connection)
    return cast("TransactionConnection", connection).last_writes


def in_savepoint(connection: "AsyncConnection") -> bool:
    """Whether a block of `begin_nested` is open on the connection."""
    return cast("TransactionConnection", connection).in_savepoint


class RowInsert:
    """Inserts rows in their order, with one statement: one row as values, several as arrays, which
    cost twice as much for a single row.
    """

    def __init__(self, table: str, types: Mapping[str, str]) -> None:
        """`types`: the type of each column, in the order of the values."""
        names = ", ".join(types)
        values = ", ".join(f"${number}::{kind}" for number, kind in enumerate(types.values(), 1))
        arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(types.values(), 1))
        self._one = f"insert into {table} ({names}) values ({values})"
        self._several = (
            f"insert into {table} ({names}) select {names}"
            f" from unnest({arrays}) with ordinality as row ({names}, nth) order by nth"
        )

    def bind(self, rows: Sequence[Sequence[object]]) -> tuple[str, *tuple[object, ...]]:
        """The statement and its arguments, for `execute(*insert.bind(rows))`."""
        if len(rows) == 1:
            return self._one, *rows[0]
        return self._several, *map(list, zip(*rows, strict=True))


def open_connection(connection: "AsyncConnection") -> asyncpg.Connection:
    """The driver's connection. Raises ConnectionDoesNotExistError if it was lost, and
    ResourceClosedError after its transaction.
    """
    raw = cast("TransactionConnection", connection).driver  # `Database.transaction` opened it
    if raw.is_closed():
        raise asyncpg.ConnectionDoesNotExistError("the connection to the database was lost")
    return raw
