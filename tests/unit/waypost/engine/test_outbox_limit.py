"""The count of the outbox continues after errors."""

from collections import deque

import pytest

from waypost.engine.outbox_limit import OutboxLimit, pause_after
from waypost.kernel.errors import Transient, Unavailable
from waypost.testing.eventually import eventually


async def test_counting_continues_after_an_error() -> None:
    looks: deque[int | Exception] = deque([3, Transient(), PermissionError("outbox"), 2])

    async def count(_: int) -> int:
        found = looks.popleft() if len(looks) > 1 else looks[0]
        if isinstance(found, Exception):
            raise found
        return found

    limit = OutboxLimit(count, rows=3, count_seconds=0.05)
    await limit.start()
    try:
        await eventually(limit.ready.is_set)
        with pytest.raises(Unavailable):
            limit.admit()
        await eventually(lambda: len(looks) == 1 and limit.ready.is_set())
        limit.admit()
    finally:
        await limit.stop()


def test_slow_counts_are_rare() -> None:
    assert pause_after(0.001, 1.0) == 1.0
    assert pause_after(2.0, 1.0) == pytest.approx(18.0)


async def test_a_request_ends_the_long_pause_of_an_idle_process() -> None:
    counts = iter([0, 3])

    async def count(_: int) -> int:
        return next(counts)

    limit = OutboxLimit(count, rows=3, count_seconds=3600)
    await limit.start()
    try:
        await eventually(limit.ready.is_set)
        limit.admit()
        await eventually(lambda: not admits(limit))
    finally:
        await limit.stop()


def admits(limit: OutboxLimit) -> bool:
    try:
        limit.admit()
    except Unavailable:
        return False
    return True
