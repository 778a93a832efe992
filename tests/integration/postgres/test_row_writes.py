"""The driver writes the same rows as SQLAlchemy."""

import gc
import weakref
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Enum,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    Uuid,
    bindparam,
    delete,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError, InvalidRequestError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.fixtures.club import migrate
from waypost.postgres.connection_pool import TransactionConnection
from waypost.postgres.database import Database
from waypost.postgres.row_writes import CompiledWrites
from waypost.testing.database import Databases, connected


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


items = Table(
    "items",
    MetaData(),
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("amount", BigInteger),
    Column("price", Numeric(10, 2)),
    Column("colour", Enum(Colour, native_enum=False)),
    Column("made_at", DateTime(timezone=True)),
    Column("details", JSONB),
    Column("more", JSON),
    Column("tags", ARRAY(Text)),
    Column("content", LargeBinary),
    Column("is_new", Boolean),
    Column("note", Text, default="by default"),
)

CREATE = """
create table public.items (
    id uuid primary key, name text not null, amount bigint, price numeric(10, 2), colour text, made_at timestamptz,
    details jsonb, more json, tags text[], content bytea, is_new boolean, note text)"""


def row(number: int, **values: Any) -> dict[str, Any]:
    return {
        "id": UUID(int=number),
        "name": "lamp: :not_a_parameter $1",
        "amount": 2**40,
        "price": Decimal("12.50"),
        "colour": Colour.GREEN,
        "made_at": datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
        "details": {"a": [1, None, "ü"]},
        "more": {"b": True},
        "tags": ["x", "y"],
        "content": b"\0\xff",
        "is_new": None,
        "note": "given",
        **values,
    }


@pytest.fixture
async def pool(database: Databases) -> AsyncIterator[Database]:
    where = await database("club", migrate)
    async with connected(where.owner) as owner:
        await owner.execute(CREATE)
        await owner.execute("grant select, insert, update, delete on public.items to public")
    pool = Database(where.app, application_name="rows", pool_size=1)
    yield pool
    await pool.close()


async def stored(connection: AsyncConnection) -> list[dict[str, Any]]:
    rows = await connection.execute(select(items).order_by(items.c.id))
    return [dict(each) for each in rows.mappings()]


@pytest.mark.parametrize("rows", [row(0), [row(0)], [row(0), row(1), row(2)]], ids=["a row", "a list of one", "a list"])
async def test_rows_are_equal_by_either_way(pool: Database, rows: dict[str, Any] | list[dict[str, Any]]) -> None:
    statement, ways = insert(items), []
    for _ in range(3):
        async with pool.transaction() as connection:
            await connection.execute(statement, rows)
            ways.append(await stored(connection))
            await connection.execute(delete(items))
    assert ways == [rows if isinstance(rows, list) else [rows]] * 3
    assert is_written_by_the_driver(pool, statement, rows)


async def test_each_execution_changes_the_rows_that_its_parameters_name(pool: Database) -> None:
    change = (
        update(items)
        .where(items.c.id == bindparam("of_item"), items.c.colour == Colour.RED)
        .values(amount=items.c.amount + bindparam("added"))
    )
    async with pool.transaction() as connection:
        await connection.execute(
            insert(items), [row(1, amount=1, colour=Colour.RED), row(2, amount=2, colour=Colour.RED), row(3, amount=3)]
        )
        for _ in range(3):
            await connection.execute(change, [{"of_item": UUID(int=number), "added": 10 * number} for number in (1, 3)])
        assert [each["amount"] for each in await stored(connection)] == [31, 2, 3]


async def test_conflict_updates_the_row(pool: Database) -> None:
    statement = upsert(items)
    statement = statement.on_conflict_do_update(index_elements=["id"], set_={"name": statement.excluded.name})
    async with pool.transaction() as connection:
        for name in ("a", "b", "c"):
            await connection.execute(statement, [row(1, name=name)])
            assert [each["name"] for each in await stored(connection)] == [name]


async def test_rows_with_other_columns_are_compiled_again(pool: Database) -> None:
    statement = insert(items)
    async with pool.transaction() as connection:
        for number in range(3):
            await connection.execute(statement, [row(number)])
        await connection.execute(statement, [{"id": UUID(int=9), "name": "short", "note": None}])
        assert (await stored(connection))[-1]["amount"] is None


async def test_default_of_python_and_returned_rows_are_left_to_sqlalchemy(pool: Database) -> None:
    plain, returning = insert(items), insert(items).returning(items.c.id)
    async with pool.transaction() as connection:
        for number in range(3):
            await connection.execute(plain, [{"id": UUID(int=number), "name": "lamp"}])
            ids = await connection.execute(returning, [row(number + 10)])
            assert ids.scalars().all() == [UUID(int=number + 10)]
        assert [each["note"] for each in await stored(connection)][:3] == ["by default"] * 3


async def test_missing_value_is_refused(pool: Database) -> None:
    change = update(items).where(items.c.id == bindparam("of_item")).values(name=bindparam("new_name"))
    async with pool.transaction() as connection:
        for _ in range(2):
            await connection.execute(change, [{"of_item": UUID(int=1), "new_name": "lamp"}])
        with pytest.raises(SQLAlchemyError):
            await connection.execute(change, [{"of_item": UUID(int=1), "new_name": "a"}, {"of_item": UUID(int=2)}])


async def test_failed_write_fails_the_transaction(pool: Database) -> None:
    statement = insert(items)
    async with pool.transaction() as connection:
        for number in range(2):
            await connection.execute(statement, [row(number)])
    with pytest.raises(IntegrityError):
        async with pool.transaction() as connection:
            await connection.execute(statement, [row(2), row(1)])
    async with pool.transaction() as connection:
        assert len(await stored(connection)) == 2


async def test_statement_built_for_each_execution_is_left_to_sqlalchemy(pool: Database) -> None:
    """To compile it each time would cost more than its execution."""
    for number in range(3):
        async with pool.transaction() as connection:
            await connection.execute(insert(items), [row(number)])
            assert isinstance(connection, TransactionConnection)
    assert not is_written_by_the_driver(pool, insert(items), [row(1)])
    assert not is_written_by_the_driver(pool, text("select 1"), [{}])


async def test_statement_that_is_used_no_more_is_forgotten(pool: Database) -> None:
    """A handler may build a statement and execute it for several groups of rows."""
    statement = insert(items)
    for is_known in (False, True):
        assert is_written_by_the_driver(pool, statement, [row(1)]) == is_known
    unused = weakref.ref(statement)
    del statement
    gc.collect()
    assert unused() is None


async def test_row_count_is_equal_by_either_way(pool: Database) -> None:
    change = update(items).where(items.c.id == bindparam("of_item")).values(name="new")
    async with pool.transaction() as connection:
        await connection.execute(insert(items), [row(1)])
        for number, count in ((1, 1), (2, 0)):
            results = [await connection.execute(change, [{"of_item": UUID(int=number)}]) for _ in range(3)]
            assert [result.rowcount for result in results] == [count] * 3


async def test_result_of_one_row_has_its_primary_key(pool: Database) -> None:
    statement, rename = insert(items), update(items)
    async with pool.transaction() as connection:
        results = [await connection.execute(statement, row(number)) for number in range(3)]
        several = await connection.execute(statement, [row(number) for number in (3, 4)])
        renamed = [await connection.execute(rename, {"name": "new"}) for _ in range(3)]
    assert [result.inserted_primary_key for result in results] == [(UUID(int=number),) for number in range(3)]
    for result in (several, *renamed):
        with pytest.raises(InvalidRequestError):
            _ = result.inserted_primary_key


async def test_error_is_the_same_by_either_way_and_contains_no_values_of_the_row(pool: Database) -> None:
    """Dead letters and logs contain the text of an error. The server adds the whole row to it."""
    statement, texts = insert(items), []
    for _ in range(3):
        with pytest.raises(IntegrityError) as failed:
            async with pool.transaction() as connection:
                await connection.execute(statement, [row(1, name=None, note="a secret")])
        texts.append(str(failed.value))
    assert "null value in column" in texts[0]
    assert "a secret" not in texts[0]
    assert texts == [texts[0]] * 3


def is_written_by_the_driver(pool: Database, statement: object, rows: object) -> bool:
    writes: CompiledWrites = pool._writes
    return writes.find(statement, rows) is not None
