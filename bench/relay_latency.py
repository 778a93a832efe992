"""The time from a commit to its record's acknowledgement, with the relay in another process.

The relay prints `ready` after a warm-up, `acknowledged PAYLOAD NANOSECONDS` for each later row, and
a sample as its last line. Linux's monotonic clock is the same in every process.
"""

import asyncio
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence

import asyncpg

from bench.frame.row import Sample
from bench.relay_parts import HEADERS_AS_JSON, TOPIC, Parts
from infra.stack.places import CHECKOUT, inherited
from waypost.engine.wakeups import CoalescingWakeupSender, LocalWakeups
from waypost.kernel.partitioner import shard_for
from waypost.ports.wakeups import Channel
from waypost.postgres.listen import PostgresNotifier

WARM_UP = 400
"""Rows that are written first and do not count."""
KEYS = 200

_INSERT = """
insert into outbox (shard, event_id, tenant_id, topic, key, payload, headers, created_at)
values ($1, gen_random_uuid(), gen_random_uuid(), $2, $3, $4, $5::json, now())"""


async def trickle(parts: Parts, command: Sequence[str], events: int, per_second: float) -> Sample:
    """Commits rows one at a time while the program of `command` publishes them."""
    sender = CoalescingWakeupSender(
        LocalWakeups(), PostgresNotifier(parts.database.app, application_name="bench-wakeups")
    )
    await sender.start()
    relay = await asyncio.create_subprocess_exec(
        *command, env=inherited(), cwd=CHECKOUT, stdout=asyncio.subprocess.PIPE
    )
    assert relay.stdout is not None
    try:
        async with asyncio.timeout(120):
            await write_steadily(parts.database.app, sender.send, range(WARM_UP), per_second)
            while (line := await relay.stdout.readline()).strip() != b"ready":
                assert line, "the relay ended before its warm-up"
            committed = await write_steadily(
                parts.database.app, sender.send, range(WARM_UP, WARM_UP + events), per_second
            )
            output, _ = await relay.communicate()
    finally:
        if relay.returncode is None:
            relay.kill()
            await relay.wait()
        await sender.stop()
    return _sample(output.decode().splitlines(), committed)


def _sample(lines: Sequence[str], committed: Mapping[str, int]) -> Sample:
    *_, last = lines
    times = [line.split() for line in lines if line.startswith("acknowledged ")]
    acknowledged = {payload: int(at) for _, payload, at in times}
    waits = [(acknowledged[payload] - at) / 1e6 for payload, at in committed.items()]
    measured = Sample(**json.loads(last))
    return Sample(units=len(waits), seconds=measured.seconds, cpu_seconds=measured.cpu_seconds, latencies_ms=waits)


async def write_steadily(
    dsn: str, wake: Callable[[Channel], None], numbers: range, per_second: float
) -> dict[str, int]:
    """Commits one row at a time at random moments, and notifies. Returns the time of each commit,
    by payload.
    """
    committed: dict[str, int] = {}
    connection = await asyncpg.connect(dsn)
    due = time.perf_counter()
    for number in numbers:
        due += random.expovariate(per_second)
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        key, payload = f"{number % KEYS}".encode(), str(number)
        await connection.execute(_INSERT, shard_for(key), TOPIC, key, payload.encode(), HEADERS_AS_JSON)
        committed[payload] = time.monotonic_ns()
        wake("outbox")
    await connection.close()
    return committed
