"""The database's time in a process that was frozen, or whose host was suspended."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from waypost.hosting import database_clock
from waypost.hosting.database_clock import DatabaseClock
from waypost.kernel.errors import Transient

DAY = timedelta(days=1)


class HostAndDatabase:
    """The clock of the host, which counts a suspension, and a database that answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 1_000.0
        self.answer_takes = 0.0
        self.time = datetime(2026, 11, 1, tzinfo=UTC)
        monkeypatch.setattr(database_clock, "seconds_since_boot", lambda: self.seconds, raising=False)
        self.database: Any = SimpleNamespace(statements=self.statements)

    def pass_time(self, by: timedelta) -> None:
        self.seconds += by.total_seconds()
        self.time += by

    @asynccontextmanager
    async def statements(self) -> AsyncIterator[Any]:
        yield self

    async def fetchval(self, _: str) -> datetime:
        answer = self.time
        self.pass_time(timedelta(seconds=self.answer_takes))
        return answer


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> HostAndDatabase:
    return HostAndDatabase(monkeypatch)


async def test_the_time_continues_while_the_host_is_suspended(host: HostAndDatabase) -> None:
    clock = DatabaseClock(host.database)
    await clock.tick()
    host.pass_time(DAY)
    assert clock.now() == host.time


async def test_an_answer_that_waited_in_a_frozen_process_is_not_taken(host: HostAndDatabase) -> None:
    clock = DatabaseClock(host.database)
    await clock.tick()
    host.answer_takes = DAY.total_seconds()
    with pytest.raises(Transient, match="late"):
        await clock.tick()
    assert clock.now() == host.time


async def test_the_time_is_never_behind_the_databases(host: HostAndDatabase) -> None:
    clock = DatabaseClock(host.database)
    host.answer_takes = 0.5
    await clock.tick()
    assert clock.now() == host.time
