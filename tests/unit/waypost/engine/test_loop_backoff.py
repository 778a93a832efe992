"""The pause of a loop after a failed tick."""

import asyncio

from waypost.engine.periodic_loop import FunctionLoop
from waypost.kernel.backoff import Backoff
from waypost.kernel.errors import Transient
from waypost.testing.eventually import eventually

HOUR = 3600.0
LONG = Backoff(first_seconds=HOUR, max_seconds=HOUR)
AT_ONCE = Backoff(first_seconds=0.001, factor=1.0)


class Server:
    """Unavailable for the first `failures` calls."""

    def __init__(self, failures: int) -> None:
        self._failures = failures
        self.calls = 0

    async def call(self) -> None:
        self.calls += 1
        await asyncio.sleep(0)
        if self.calls <= self._failures:
            raise Transient("the server is away")


async def test_recovery_of_what_a_tick_needs_ends_its_backoff() -> None:
    server, needed = Server(failures=1), Server(failures=2)
    loop = FunctionLoop(server.call, name="loop", every_seconds=HOUR, backoff=LONG)
    recovering = FunctionLoop(
        needed.call, name="recovering", every_seconds=0.001, backoff=AT_ONCE, on_recovery=loop.retry.set
    )
    await loop.start()
    await eventually(lambda: loop.failures == 1)
    await recovering.start()
    await eventually(loop.ready.is_set)
    assert server.calls == 2
    await eventually(lambda: needed.calls > 5)
    assert server.calls == 2, "only a recovery ends a backoff, not each success"
    await recovering.stop()
    await loop.stop()


async def test_a_wakeup_does_not_end_the_backoff_and_a_drain_does() -> None:
    server = Server(failures=1)
    loop = FunctionLoop(server.call, name="loop", every_seconds=0.001, backoff=LONG)
    await loop.start()
    await eventually(lambda: loop.failures == 1)
    loop.wakeup.set()
    for _ in range(10):
        await asyncio.sleep(0)
    assert server.calls == 1
    await loop.drain(HOUR)
    assert server.calls == 1
