"""A killed or frozen rebuild has changed nothing, at any point; the next one removes its
remains.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from structlog.testing import capture_logs

from tests.fixtures.club import Stage
from tests.fixtures.forked import ForkedProgram
from tests.fixtures.processes import is_stopped
from tests.integration.consumer.rebuilds import live, rebuilt, shadow_factory
from waypost.engine.failpoints import VARIABLE
from waypost.kernel.errors import Transient
from waypost.postgres import migrate as migrations
from waypost.postgres.migrate import migrate_toolkit
from waypost.postgres.rebuild import schemas as remains
from waypost.postgres.schema_locks import SCHEMA_LOCK
from waypost.testing.database import connected
from waypost.testing.eventually import eventually

LEFT_OVERS = "select 1 from pg_namespace where nspname = 'members_new'"
REMAINS = "select nspname from pg_namespace where nspname like any (array['%\\_new', '%\\_old']) order by 1"
PARK = "insert into parked_keys (consumer, topic, key) values ('club.members~new', 'users.user', 'k') returning 1"
END_THE_LOCK = """
select pg_terminate_backend(pid, 10000) from pg_locks join pg_database on pg_database.oid = database
where datname = current_database() and locktype = 'advisory' and classid = 0 and objid = $1 and granted"""
OF_THE_SHADOW = "select distinct consumer from consumer_offsets where consumer like '%~new'"
NOBODY_ELSE = "select 1 from pg_stat_activity where datname = current_database() and application_name like '%rebuild%'"


@pytest.mark.parametrize("point", ["before_swap", "before_commit"])
async def test_killed_at(stage: Stage, point: str) -> None:
    ann, bob = stage.user(), stage.user()
    await live(stage, [ann, bob])
    await stage.rows("update members set names = array['kept'] returning 1", ann, bob)

    assert await killed(stage, f"rebuild.{point}=kill") < 0

    async def the_server_has_noticed() -> bool:
        return not await stage.rows(NOBODY_ELSE)

    await eventually(the_server_has_noticed)
    assert await stage.names(ann, bob) == [["kept"], ["kept"]]
    assert await stage.rows(LEFT_OVERS) == [(1,)]
    async with stage.consuming(stage.club.members):
        await stage.topic.publish(*ann.tells("third"))

        async def the_live_one_goes_on() -> bool:
            return await stage.names(ann) == [["kept", "third"]]

        await eventually(the_live_one_goes_on)

    assert (await rebuilt(stage)).swapped
    assert await stage.names(ann, bob) == [["first", "second", "third"], ["first", "second"]]
    assert await stage.rows(LEFT_OVERS) == []
    assert await stage.rows(OF_THE_SHADOW) == []


async def test_no_tables_with_personal_data_outlast_a_rebuild(stage: Stage) -> None:
    """Neither the replaced ones nor those of a rebuild that was killed: an erasure would not reach
    them.
    """
    await live(stage, [stage.user()])
    assert (await rebuilt(stage)).swapped
    assert await stage.rows(REMAINS) == []

    for remove in (lambda: migrate_toolkit("club", stage.database.owner), lambda: rebuilt(stage)):
        async with connected(stage.database.owner) as owner:
            await owner.execute("create schema members_old; create table members_old.versions ()")
            await owner.execute("create schema members_new; create table members_new.versions ()")
            await owner.execute("create schema others_old; create table others_old.versions ()")
        await stage.rows(PARK)
        await remove()
        assert await stage.rows(REMAINS) == [("others_old",)], "no read model is named so"
        assert await stage.rows("select 1 from parked_keys") == []
        async with connected(stage.database.owner) as owner:
            await owner.execute("drop schema others_old cascade")


async def test_rows_of_a_shadow_whose_tables_were_dropped_by_hand_are_removed(stage: Stage) -> None:
    """The next rebuild would skip the records that they name."""
    await live(stage, [stage.user()])
    await stage.rows(PARK)
    async with shadow_factory(stage).shadow():
        assert await stage.rows("select 1 from parked_keys") == []


async def test_a_rebuild_that_lost_its_lock_leaves_the_tables_of_the_next_one(stage: Stage) -> None:
    await live(stage, [stage.user()])
    frozen = AsyncExitStack()
    await frozen.enter_async_context(shadow_factory(stage).shadow())
    async with connected(stage.database.owner) as operator:
        assert await operator.fetchval(END_THE_LOCK, SCHEMA_LOCK) is True
    async with shadow_factory(stage).shadow():
        await stage.rows(PARK)
        await frozen.aclose()
        assert await stage.rows(REMAINS) == [("members_new",)]
        assert await stage.rows("select 1 from parked_keys") == [(1,)]
    assert await stage.rows(REMAINS) == []


async def test_a_reader_of_replaced_tables_blocks_no_migration_and_does_not_hang_a_rebuild(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remains, "REMAINS_LOCK_MILLISECONDS", 100)
    monkeypatch.setattr(migrations, "LOCK_ATTEMPTS", 1)
    await live(stage, [stage.user()])
    async with connected(stage.database.owner) as analyst:
        await analyst.execute("create schema members_old; create table members_old.versions ()")
        async with analyst.transaction():
            await analyst.execute("select from members_old.versions")
            with capture_logs() as logged:
                await migrate_toolkit("club", stage.database.owner)
            (warning,) = [entry for entry in logged if entry["event"] == "replaced_tables_remain"]
            assert "End the transaction that reads them" in warning["remedy"]
            with pytest.raises(
                Transient, match=r"(?s)tables of an earlier rebuild.*end the transaction that reads them"
            ):
                async with asyncio.timeout(30):
                    await rebuilt(stage)
            assert await stage.rows(REMAINS) == [("members_old",)]
    await migrate_toolkit("club", stage.database.owner)
    assert await stage.rows(REMAINS) == []


async def test_a_rebuild_that_freezes_in_its_swap_does_not_stop_the_live_consumer(stage: Stage) -> None:
    ann, bob = stage.user(), stage.user()
    await live(stage, [ann, bob])
    before = await stage.names(ann)
    async with rebuilding(stage, "rebuild.before_commit=stop") as process:
        await eventually(lambda: is_stopped(process), deadline_seconds=40)
        async with stage.consuming(stage.club.members):
            await stage.topic.publish(*ann.tells("third"))

            async def the_live_one_goes_on() -> bool:
                return await stage.names(ann) == [[*before[0], "third"]]

            await eventually(the_live_one_goes_on, deadline_seconds=30)
    assert (await rebuilt(stage)).comparison.comparisons[0].equal
    assert await stage.names(ann) == [[*before[0], "third"]]


async def killed(stage: Stage, failpoints: str) -> int:
    """Returns the rebuild's exit code."""
    async with rebuilding(stage, failpoints) as process, asyncio.timeout(40):
        return await process.wait()


@asynccontextmanager
async def rebuilding(stage: Stage, failpoints: str) -> AsyncIterator[ForkedProgram]:
    """A rebuild in a separate process."""
    given = {
        "app": stage.database.app,
        "owner": stage.database.owner,
        "bootstrap": stage.bootstrap,
        "topic": stage.club.topic,
    }
    process = ForkedProgram(
        "tests.integration.consumer.rebuild_process",
        log=stage.folder / "rebuild.log",
        environment={**os.environ, VARIABLE: failpoints, "CLUB": json.dumps(given)},
    )
    await process.start()
    try:
        yield process
    finally:
        await process.kill()
