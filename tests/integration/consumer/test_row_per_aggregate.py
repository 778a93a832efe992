"""Stores rows of a projection with one row per aggregate, and reads them as they were."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Enum,
    Float,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from tests.fixtures.club import Stage
from waypost.engine.projections import project
from waypost.engine.row_per_aggregate import Key, Row, RowPerAggregate
from waypost.kernel.errors import Misconfigured, Permanent
from waypost.kernel.ids import TenantId
from waypost.postgres.projection_schema import create_projection_schema
from waypost.testing.database import connected

SAMPLES = Table(
    "samples",
    MetaData(),
    Column("tenant_id", Uuid),
    Column("sample_id", Uuid),
    Column("order", Text),
    Column("tags", ARRAY(Text)),
    Column("amount", Numeric),
    Column("count", BigInteger),
    Column("sealed", LargeBinary),
    Column("at", DateTime(timezone=True)),
    Column("on", Date),
    Column("is_open", Boolean),
    Column("owner_id", Uuid),
    Column("facts", JSONB),
    PrimaryKeyConstraint("tenant_id", "sample_id"),
)
FULL: Row = {
    "order": 'first "quoted" \\ line\nbreak, é',
    "tags": ["a,b", '{"c"}', "", "null"],
    "amount": Decimal("12345678901234567890.00000001"),
    "count": 2**62,
    "sealed": b"\x00\xff\\x",
    "at": datetime(2026, 11, 25, 12, 30, 15, 123456, tzinfo=UTC),
    "on": date(1999, 12, 31),
    "is_open": True,
    "owner_id": uuid4(),
    "facts": {"a": [1, None]},
}
EMPTY: Row = dict.fromkeys(FULL)


@pytest.fixture
async def sample_stage(stage: Stage) -> Stage:
    async with connected(stage.database.owner) as owner, owner.transaction():
        for statement in create_projection_schema("club", "samples", SAMPLES.metadata):
            await owner.execute(statement)
    return stage


async def test_values_of_all_types_are_stored(sample_stage: Stage) -> None:
    rows = RowPerAggregate(SAMPLES, {})
    full, empty, absent = keys = [_key() for _ in range(3)]
    async with sample_stage.pool.transaction({tenant_id for tenant_id, _ in keys}) as connection:
        await connection.exec_driver_sql("set local search_path to public, samples")
        await rows.write({full: EMPTY, empty: FULL}, connection)
        await rows.write({full: FULL, empty: {}, absent: None}, connection)

        assert await rows.read(keys, connection) == {full: FULL, empty: EMPTY}

        await rows.write({full: None}, connection)
        assert await rows.read(keys, connection) == {empty: EMPTY}
        with pytest.raises(Permanent, match=r"no columns \['ordre'\]"):
            await rows.write({full: {"ordre": "a slip"}}, connection)


async def test_a_batch_is_one_call_for_all_types(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.club.by_aggregate = True
    ann, bob = stage.user(), stage.user()
    events = [
        event for names in zip(ann.tells("a", "b", "c"), bob.tells("d", "e", "f"), strict=True) for event in names
    ]
    calls: list[int] = []
    write = RowPerAggregate.write

    async def counted(self: RowPerAggregate, changed: Any, rows: Any) -> None:
        calls.append(len(changed))
        await write(self, changed, rows)

    monkeypatch.setattr(RowPerAggregate, "write", counted)
    async with stage.pool.transaction({ann.tenant_id, bob.tenant_id}) as connection:
        await project(events, stage.club.members.handlers, connection)

    assert calls == [2]
    assert await stage.names(ann, bob) == [["a", "b", "c"], ["d", "e", "f"]]


def _key() -> Key:
    return TenantId(uuid4()), uuid4()


PEOPLE = Table(
    "people",
    MetaData(),
    Column("tenant_id", Uuid),
    Column("user_id", Uuid),
    Column("note", Text),
    Column("names", ARRAY(Text)),
    PrimaryKeyConstraint("tenant_id", "user_id"),
)


async def test_columns_are_read_by_name(stage: Stage) -> None:
    async with connected(stage.database.owner) as owner, owner.transaction():
        for statement in create_projection_schema("club", "people", PEOPLE.metadata):
            await owner.execute(statement)
        # The database of a release before `note`, migrated: the new column is the last one.
        await owner.execute("alter table people.people drop column note")
        await owner.execute("alter table people.people add column note text")
    rows, key = RowPerAggregate(PEOPLE, {}), _key()
    row = {"note": "Ann", "names": ["a", "b"]}
    async with stage.pool.transaction({key[0]}) as connection:
        await connection.exec_driver_sql("set local search_path to public, people")
        await rows.write({key: row}, connection)
        assert await rows.read([key], connection) == {key: row}


@pytest.mark.parametrize(
    "unfit", [Column("kind", Enum("a", "b")), Column("share", Float), Column("at", Text, onupdate="x")]
)
def test_a_column_that_json_could_change_is_refused(unfit: Column[Any]) -> None:
    key = [Column("tenant_id", Uuid, primary_key=True), Column("user_id", Uuid, primary_key=True)]
    with pytest.raises(Misconfigured, match=f"cannot have the types of the columns {unfit.name}"):
        RowPerAggregate(Table("people", MetaData(), *key, unfit), {})
