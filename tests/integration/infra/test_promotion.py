"""`make promote` leaves exactly one primary, also if a server is starting or the promotion is
interrupted, and deletes no data of a former primary.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from infra.stack.addresses import Addresses
from infra.stack.changes import Changes
from infra.stack.keys import load_or_make_keys
from infra.stack.plan import Plan
from infra.stack.promotion import Promotion, outcome, pair_of
from infra.stack.servers import Servers, Standby
from tests.fixtures.database_pair import DatabasePair, running_pair
from tests.fixtures.ports import free_port_base
from waypost.devstack.requests import Action, Request
from waypost.devstack.selection import limited
from waypost.devstack.status_board import Phase, StatusBoard
from waypost.devstack.supervisor import Supervisor
from waypost.native.errors import SetUpFailed, StartFailed
from waypost.native.postgres import Postgres, ServerPair, server
from waypost.native.postgres.replication import LOST_COMMITS, SET_ASIDE
from waypost.testing.database import connected
from waypost.testing.eventually import eventually
from waypost.testing.folders import scratch_folder

FIRST, SECOND = "postgres", "postgres-standby"
PROMOTE = Request(action=Action.PROMOTE)
UP_SECONDS = 60
DROP_SLOT = """
select pg_drop_replication_slot(slot_name)::text from pg_replication_slots
where slot_name = 'postgres' and not active"""

pytestmark = pytest.mark.timeout(120)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """The two database servers of a stack, under its supervisor."""

    directory: Path
    addresses: Addresses
    supervisor: Supervisor
    board: StatusBoard
    change: Changes

    @property
    def pair(self) -> ServerPair:
        pair = pair_of(self.addresses, self.directory)
        assert pair is not None
        return pair

    def server(self, name: str) -> Postgres:
        part = self.supervisor.server(name)
        assert isinstance(part, Postgres)
        return part

    async def promote(self) -> Promotion:
        (old,) = await self.change(PROMOTE)
        await self.until_up()
        return outcome(self.addresses, self.directory, old)

    async def until_up(self) -> None:
        await eventually(
            lambda: all(line.phase is Phase.READY for line in self.board.lines.values()), deadline_seconds=UP_SECONDS
        )

    async def roles(self) -> dict[str, bool]:
        """Whether each server that answers is a primary."""
        return {
            name: not await self.server(name).is_in_recovery()
            for name in (FIRST, SECOND)
            if await self.server(name).is_reachable()
        }

    async def execute(self, name: str, statement: str) -> None:
        async with connected(self.server(name).admin_dsn) as admin:
            await admin.execute(statement)


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    with scratch_folder(in_memory=True) as directory:
        addresses = Addresses(free_port_base(), Servers(standby=Standby.ASYNCHRONOUS))
        plan = Plan(addresses, load_or_make_keys(directory / "keys"), directory)
        components = limited(plan.components(), [FIRST])
        board = StatusBoard(directory / "board.json", addresses.port_base, [each.line() for each in components])
        supervisor, asked = Supervisor(components, board), asyncio.Event()
        running = asyncio.create_task(supervisor.run(asked))
        made = Stack(
            directory=directory,
            addresses=addresses,
            supervisor=supervisor,
            board=board,
            change=Changes(addresses, directory, supervisor),
        )
        try:
            await made.until_up()
            yield made
        finally:
            asked.set()
            await running


async def test_the_servers_exchange_their_roles_and_back(stack: Stack) -> None:
    assert list(stack.board.lines) == [FIRST, SECOND]
    for old, new in ((FIRST, SECOND), (SECOND, FIRST)):
        promotion = await stack.promote()
        assert (promotion.primary, promotion.standby, stack.pair.primary) == (new, old, new)
        assert promotion.old_data.is_dir()
        assert await stack.roles() == {old: False, new: True}


async def test_a_primary_that_is_just_starting_is_not_a_second_one(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has seen that it is the primary, and has no process yet."""
    first = stack.server(FIRST)
    prepare, prepared, released = first._prepare_data, asyncio.Event(), asyncio.Event()

    async def prepare_and_wait(binaries: Path) -> None:
        await prepare(binaries)
        prepared.set()
        await released.wait()

    monkeypatch.setattr(first, "_prepare_data", prepare_and_wait)
    await first.kill()
    await prepared.wait()
    await stack.change(PROMOTE)
    released.set()
    await stack.until_up()
    assert await stack.roles() == {FIRST: False, SECOND: True}


async def test_a_promotion_that_was_interrupted_is_completed_and_not_reversed(stack: Stack) -> None:
    stack.pair.set_primary(SECOND)
    assert await stack.promote() == outcome(stack.addresses, stack.directory, FIRST)
    assert stack.pair.primary == SECOND
    assert await stack.roles() == {FIRST: False, SECOND: True}


async def test_a_promotion_that_fails_is_reported_and_completed_by_the_supervisor(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "PROMOTION_SECONDS", 1)
    recovery = recovery_process(stack.server(SECOND))
    recovery.suspend()
    with pytest.raises(StartFailed, match=r"was not promoted: it is still in recovery 1 s after"):
        await stack.change(PROMOTE)
    if recovery.is_running():
        recovery.resume()
    await stack.until_up()
    assert await stack.roles() == {FIRST: False, SECOND: True}


def recovery_process(standby: Postgres) -> psutil.Process:
    """The process that applies the log, without which a standby cannot end its recovery."""
    processes = psutil.Process(standby.child.pid).children()
    (found,) = [process for process in processes if "startup" in " ".join(process.cmdline())]
    return found


async def test_a_stack_without_a_running_standby_is_not_changed(stack: Stack) -> None:
    await stack.supervisor._end([SECOND])
    with pytest.raises(SetUpFailed, match="postgres-standby does not run as a standby"):
        await stack.change(PROMOTE)
    assert stack.pair.primary == FIRST
    assert await stack.roles() == {FIRST: True}


async def test_a_stack_without_a_standby_refuses(tmp_path: Path) -> None:
    supervisor = Supervisor([], StatusBoard(tmp_path / "board.json", 8000, []))
    with pytest.raises(SetUpFailed, match="make up STANDBY=1"):
        await Changes(Addresses(), tmp_path, supervisor)(PROMOTE)


async def test_a_restart_of_the_primary_leaves_its_standby_alone(stack: Stack) -> None:
    before = stack.server(SECOND).child.pid
    assert await stack.change(Request(action=Action.RESTART, names=[FIRST])) == [FIRST]
    await stack.until_up()
    assert stack.server(SECOND).child.pid == before


async def test_a_lost_slot_keeps_the_data_of_a_former_primary() -> None:
    async with running_pair(synchronous=False) as pair:
        kept = await data_of_a_former_primary(pair)
        await pair.primary.kill()
        async with connected(pair.standby.admin_dsn) as admin:
            await eventually(lambda: admin.fetch(DROP_SLOT))
        await pair.primary.start()  # copies the data again
        assert await pair.primary.is_in_recovery()
        assert_is_of_a_former_primary(kept)
        assert kept.with_name(LOST_COMMITS).exists()


async def data_of_a_former_primary(pair: DatabasePair) -> Path:
    await pair.fail_over()
    await pair.primary.start()
    kept = pair.primary.data.with_name(SET_ASIDE)
    assert_is_of_a_former_primary(kept)
    return kept


def assert_is_of_a_former_primary(data: Path) -> None:
    assert (data / "PG_VERSION").exists()
    assert not (data / "standby.signal").exists()
