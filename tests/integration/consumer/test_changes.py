"""The handler that updates columns of aggregates: of one row, or of several by one statement."""

import math
from typing import Any

import pytest
from sqlalchemy import Column, Float, MetaData, PrimaryKeyConstraint, Table, Text, Uuid, insert, select

from tests.fixtures.club import Stage
from tests.fixtures.club.tables import members
from waypost.engine.projections import changes, project
from waypost.postgres.connection_pool import TransactionConnection
from waypost.postgres.projection_schema import create_projection_schema
from waypost.testing.database import connected

RENAME = changes(members, members.c.user_id, lambda event: {"names": [event.display_name, '{"']})


@pytest.mark.parametrize("number", [1, 3])
async def test_rows_get_the_last_values(stage: Stage, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    people, other = [stage.user() for _ in range(number)], stage.user()
    handlers = {stage.club.created: stage.club.write_names, stage.club.updated: RENAME}
    created = [event for person in (*people, other) for event in person.tells("first")]
    renamed = [event for name in ("second", "third") for person in people for event in person.tells(name)]
    executed: list[Any] = []
    execute = TransactionConnection.execute

    async def counted(self: TransactionConnection, statement: Any, *arguments: Any, **options: Any) -> Any:
        executed.append(statement)
        return await execute(self, statement, *arguments, **options)

    async with stage.pool.transaction({person.tenant_id for person in (*people, other)}) as connection:
        await project(created, handlers, connection)
        with monkeypatch.context() as counting:
            counting.setattr(TransactionConnection, "execute", counted)
            await project(renamed, handlers, connection)

    assert len(executed) == 1
    assert await stage.names(*people, other) == [["third", '{"']] * number + [["first"]]


PROFILES = Table(
    "profiles",
    MetaData(),
    Column("tenant_id", Uuid),
    Column("user_id", Uuid),
    Column("name", Text),
    Column("motto", Text),
    Column("share", Float),
    PrimaryKeyConstraint("tenant_id", "user_id"),
)


async def create_profiles(stage: Stage) -> None:
    async with connected(stage.database.owner) as owner, owner.transaction():
        for statement in create_projection_schema("club", "profiles", PROFILES.metadata):
            await owner.execute(statement)


def given_columns(event: Any) -> dict[str, Any]:
    """`motto=x` changes the motto, any other name the name."""
    column, _, value = event.display_name.rpartition("=")
    return {column or "name": value}


async def test_each_event_changes_its_own_columns(stage: Stage) -> None:
    await create_profiles(stage)
    people = ann, bob, eve, joe = [stage.user() for _ in range(4)]
    for person in people:
        list(person.tells("created"))
    told = {ann: ["Ann", "motto=a"], bob: ["motto=b"], eve: ["Eve", "motto=e", "Eva"], joe: ["Joe"]}
    renamed = [event for person, names in told.items() for event in person.tells(*names)]
    handler = changes(PROFILES, PROFILES.c.user_id, given_columns)
    async with stage.pool.transaction({person.tenant_id for person in people}) as connection:
        await connection.exec_driver_sql("set local search_path to public, profiles")
        new = [{"tenant_id": person.tenant_id, "user_id": person.id, "name": "-", "motto": "-"} for person in people]
        await connection.execute(insert(PROFILES), new)
        await project(renamed, {stage.club.updated: handler}, connection)
        stored = {row.user_id: (row.name, row.motto) for row in await connection.execute(select(PROFILES))}
    assert [stored[person.id] for person in people] == [("Ann", "a"), ("-", "b"), ("Eva", "e"), ("Joe", "-")]


async def test_values_that_json_cannot_express_are_stored_for_several_rows(stage: Stage) -> None:
    await create_profiles(stage)
    ann, bob = people = [stage.user() for _ in range(2)]
    events = [event for person in people for event in person.tells("created", "shares")[1:]]
    shares = {ann.id: math.inf, bob.id: 0.5}
    handler = changes(PROFILES, PROFILES.c.user_id, lambda event: {"share": shares[event.user_id]})
    async with stage.pool.transaction({person.tenant_id for person in people}) as connection:
        await connection.exec_driver_sql("set local search_path to public, profiles")
        new = [{"tenant_id": person.tenant_id, "user_id": person.id} for person in people]
        await connection.execute(insert(PROFILES), new)
        await project(events, {stage.club.updated: handler}, connection)
        stored = await connection.execute(select(PROFILES.c.user_id, PROFILES.c.share))
        assert {row.user_id: row.share for row in stored} == shares
