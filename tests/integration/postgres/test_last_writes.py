"""Writes that are sent with the commit: all of them are stored, exactly as given, or nothing is."""

import enum
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from asyncpg.pgproto import pgproto
from hypothesis import given
from hypothesis import strategies as st

from tests.fixtures.club import migrate
from waypost.kernel.errors import Invalid, Transient
from waypost.postgres.database import Database
from waypost.postgres.last_writes import LiteralInsert, literal
from waypost.postgres.sql import Sql, last_writes, roll_back
from waypost.testing.database import Databases, connected

NOTES = LiteralInsert("notes", ("id", "body"))


class Colour(enum.StrEnum):
    RED = "it's \\ red"


class Taken(Exception):
    """The note exists."""


@pytest.fixture
async def pool(database: Databases) -> AsyncIterator[Database]:
    where = await database("club", migrate)
    async with connected(where.owner) as owner:
        await owner.execute("create table public.notes (id int primary key, nth serial, body text)")
        await owner.execute("grant all on public.notes, public.notes_nth_seq to public")
    pool = Database(where.app, application_name="notes", pool_size=1)
    yield pool
    await pool.close()


async def stored(pool: Database) -> list[tuple[int, str]]:
    return [tuple(row) for row in await pool.fetch("select id, body from notes order by nth")]


async def test_writes_are_stored_in_their_order(pool: Database) -> None:
    async with pool.transaction() as connection:
        last = last_writes(connection)
        last.add(NOTES.text([(3, "c"), (1, "a"), (2, "b")]))
        last.add("update notes set body = upper(body) where id = 1")
        assert await Sql(connection).fetchval("select count(*) from notes") == 0
    assert await stored(pool) == [(3, "c"), (1, "A"), (2, "b")]


async def test_failed_write_stores_nothing_of_the_transaction(pool: Database) -> None:
    with pytest.raises(asyncpg.UniqueViolationError):
        async with pool.transaction() as connection:
            await Sql(connection).execute("insert into notes values (1)")
            last_writes(connection).add(NOTES.text([(2, "b")]))
            last_writes(connection).add(NOTES.text([(1, "again")]))
    assert await stored(pool) == []


async def test_violated_constraint_raises_the_error_of_its_write(pool: Database) -> None:
    with pytest.raises(Taken):
        async with pool.transaction() as connection:
            last_writes(connection).add(NOTES.text([(1, "a"), (1, "b")]), {"notes_pkey": Taken})
    assert await stored(pool) == []


async def test_the_application_keeps_statements_out_of_the_log(pool: Database) -> None:
    assert [tuple(row) for row in await pool.fetch("show log_min_error_statement")] == [("panic",)]


async def test_transaction_that_was_rolled_back_writes_nothing(pool: Database) -> None:
    async with pool.transaction() as connection:
        last_writes(connection).add(NOTES.text([(1, "a")]))
        await roll_back(connection)
    with pytest.raises(ZeroDivisionError):
        async with pool.transaction() as connection:
            last_writes(connection).add(NOTES.text([(1, "a")]))
            raise ZeroDivisionError
    assert await stored(pool) == []


async def test_ignored_error_of_a_statement_stores_nothing(pool: Database) -> None:
    with pytest.raises(Transient, match="current transaction is aborted"):
        async with pool.transaction() as connection:
            last_writes(connection).add(NOTES.text([(1, "a")]))
            with pytest.raises(asyncpg.DivisionByZeroError):
                await Sql(connection).fetch("select 1 / 0")
    assert await stored(pool) == []


ZONES = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))) | st.just(UTC)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]) | st.sampled_from("'\\;$\"\n"))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXTS,
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "bytea": st.binary(),
    "uuid": st.uuids(),
    "timestamptz": st.datetimes(datetime(1900, 1, 1), datetime(9000, 1, 1), timezones=ZONES),  # noqa: DTZ001 - bounds
}


@given(given_values=st.lists(st.one_of(*(st.tuples(st.just(kind), values) for kind, values in VALUES.items()))))
@pytest.mark.parametrize("standard_strings", ["on", "off"])
async def test_literal_has_the_value(
    postgres: str, standard_strings: str, given_values: list[tuple[str, object]]
) -> None:
    columns = ", ".join(f"{literal(value)}::{kind}" for kind, value in given_values)
    async with connected(postgres) as connection:
        await connection.execute(f"set standard_conforming_strings = {standard_strings}; set datestyle = 'SQL, DMY'")
        read = await connection.fetchrow(f"select 0, {columns}" if columns else "select 0")
    assert list(read or ())[1:] == [value for _, value in given_values]


def test_literals_of_other_types() -> None:
    number = UUID(int=1)
    assert literal(pgproto.UUID(number.bytes)) == literal(number)
    assert literal(Colour.RED) == literal("it's \\ red") == "E'it''s \\\\ red'"
    assert literal(None) == "null"
    with pytest.raises(TypeError, match="a list has no SQL literal"):
        literal([1])


def test_nul_would_end_the_message_and_is_refused() -> None:
    with pytest.raises(Invalid):
        NOTES.text([(1, "a'); drop table notes; --\0")])
