"""The supervisor with processes that only sleep."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from waypost.devstack.client import refuse_failures
from waypost.devstack.parts import Component
from waypost.devstack.status_board import Line, Phase, Snapshot, StatusBoard, read_board
from waypost.devstack.supervisor import Supervisor
from waypost.devstack.table import problem_of
from waypost.native.child import Child
from waypost.native.errors import StartFailed
from waypost.testing.eventually import eventually


class Sleeper:
    """A server that records its start and stop."""

    def __init__(self, name: str, folder: Path, said: list[str]) -> None:
        self.name = name
        self.child = Child(["sleep", "600"], log=folder / f"{name}.log")
        self._said = said

    async def start(self) -> None:
        await self.child.start()
        self._said.append(f"{self.name} starts")

    async def stop(self, deadline_seconds: float = 5) -> None:
        await self.child.stop(deadline_seconds)
        self._said.append(f"{self.name} stops")

    async def is_reachable(self) -> bool:
        return self.child.running


@asynccontextmanager
async def supervised(folder: Path, *components: Component) -> AsyncIterator[StatusBoard]:
    async with supervisor_of(folder, *components) as (_, board):
        yield board


@asynccontextmanager
async def supervisor_of(folder: Path, *components: Component) -> AsyncIterator[tuple[Supervisor, StatusBoard]]:
    board = StatusBoard(folder / "board.json", 8000, [component.line() for component in components])
    asked_to_stop = asyncio.Event()
    supervisor = Supervisor(components, board)
    running = asyncio.create_task(supervisor.run(asked_to_stop))
    try:
        yield supervisor, board
    finally:
        asked_to_stop.set()
        await running


@pytest.mark.parametrize("declared", [1, -1])
async def test_starts_in_order_and_stops_in_reverse_however_declared(tmp_path: Path, declared: int) -> None:
    said: list[str] = []
    broker, worker = Sleeper("broker", tmp_path, said), Sleeper("worker", tmp_path, said)

    async def create_topics() -> None:
        said.append("topics created")

    components = (
        Component(name="worker", part=worker, log=worker.child.log, depends_on=["topics"]),
        Component(name="topics", part=create_topics, log=tmp_path / "topics.log", depends_on=["broker"]),
        Component(name="broker", part=broker, log=broker.child.log),
    )
    async with supervised(tmp_path, *components[::declared]) as board:
        await board.wait_for("worker")
    assert said == ["broker starts", "topics created", "worker starts", "worker stops", "broker stops"]
    assert not broker.child.running


async def test_ended_server_is_restarted(tmp_path: Path) -> None:
    broker = Sleeper("broker", tmp_path, [])
    async with supervised(tmp_path, Component(name="broker", part=broker, log=broker.child.log)) as board:
        await board.wait_for("broker")
        first = broker.child.pid
        broker.child.send(signal.SIGKILL)
        await eventually(ready_with_another_pid(tmp_path, first))
        assert board.lines["broker"].failures == 1


def test_board_that_is_deleted_while_it_is_read_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "exists", lambda _: True)
    assert read_board(tmp_path / "board.json") is None


def ready_with_another_pid(folder: Path, first: int) -> Callable[[], bool]:
    def condition() -> bool:
        snapshot = read_board(folder / "board.json")
        assert snapshot is not None
        (line,) = snapshot.lines
        return line.phase is Phase.READY and line.pid != first

    return condition


async def test_failed_one_shot_is_retried_and_delays_its_dependents(tmp_path: Path) -> None:
    said: list[str] = []
    api = Sleeper("api", tmp_path, said)
    outcomes = iter([StartFailed("the database is starting"), None])

    async def migrate() -> None:
        outcome = next(outcomes)
        said.append("migration fails" if outcome else "migration done")
        if outcome:
            raise outcome

    components = (
        Component(name="migration", part=migrate, log=tmp_path / "migration.log"),
        Component(name="api", part=api, log=api.child.log, depends_on=["migration"]),
    )
    async with supervised(tmp_path, *components) as board:
        await board.wait_for("api")
        assert board.lines["migration"].failures == 1
    assert said[:3] == ["migration fails", "migration done", "api starts"]


async def test_a_restart_stops_and_starts_in_the_order_of_dependencies(tmp_path: Path) -> None:
    said: list[str] = []
    api, worker = Sleeper("api", tmp_path, said), Sleeper("worker", tmp_path, said)

    async def migrate() -> None:
        said.append("migrations run")

    components = (
        Component(name="migrations", part=migrate, log=tmp_path / "migrations.log"),
        Component(name="api", part=api, log=api.child.log, depends_on=["migrations"]),
        Component(name="worker", part=worker, log=worker.child.log, depends_on=["api"]),
    )
    async with supervisor_of(tmp_path, *components) as (supervisor, board):
        await board.wait_for("worker")
        said.clear()
        await supervisor.restart(["api", "worker", "migrations"])
        await board.wait_for("worker")
        assert said == ["worker stops", "api stops", "migrations run", "api starts", "worker starts"]
        assert board.lines["api"].failures == 0


async def test_a_component_joins_while_the_others_run_on(tmp_path: Path) -> None:
    said: list[str] = []
    users, billing = Sleeper("users", tmp_path, said), Sleeper("billing", tmp_path, said)
    runs: list[str] = []

    def topics(declared: str) -> Component:
        async def create() -> None:
            runs.append(declared)

        return Component(name="topics", part=create, log=tmp_path / "topics.log")

    first = Component(name="users", part=users, log=users.child.log, depends_on=["topics"])
    joining = Component(name="billing", part=billing, log=billing.child.log, depends_on=["topics"])
    async with supervisor_of(tmp_path, topics("topics for users"), first) as (supervisor, board):
        await board.wait_for("users")
        pid = users.child.pid
        await supervisor.add([topics("topics for both"), joining])
        await board.wait_for("billing")
        assert users.child.running and users.child.pid == pid
    assert runs == ["topics for users", "topics for both"]
    assert said[:2] == ["users starts", "billing starts"]
    assert set(said[2:]) == {"users stops", "billing stops"}


def test_a_stack_is_up_without_its_optional_components() -> None:
    lines = [Line(name="api", phase=Phase.READY), Line(name="viewer", phase=Phase.FAILED, optional=True)]
    snapshot = Snapshot(supervisor=1, port_base=8000, lines=lines)
    assert snapshot.all_up
    assert not snapshot.are_up(["viewer"])
    refuse_failures(snapshot, ())


def test_the_failure_of_an_optional_component_is_one_line() -> None:
    line = Line(name="viewer", phase=Phase.FAILED, error="it did not answer:\na banner\nof twenty lines", optional=True)
    assert problem_of(line) == "it did not answer"
