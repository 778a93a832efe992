"""Measures how fast the relay drains an outbox, relative to its producer's maximum, and how soon a
committed row is acknowledged.

    python -m bench.relay_drain [ROWS] [EVENTS_PER_SECOND]

Starts a separate PostgreSQL and Kafka in a temporary folder. Drain and raw production alternate on
the same broker, so that their ratio is robust against load on the machine.
"""

import asyncio
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import uvloop

from bench.relay_parts import HEADERS_AS_JSON, TOPIC, Parts, records, running_parts
from waypost.engine.process import tune_garbage_collector
from waypost.engine.relay import Relay
from waypost.engine.wakeups import CoalescingWakeupSender, LocalWakeups, WakeupListener
from waypost.kafka.producer import KafkaBroker, KafkaPublisher
from waypost.kernel.partitioner import shard_for
from waypost.ports.broker import OutgoingRecord
from waypost.postgres.listen import PostgresListener, PostgresNotifier
from waypost.postgres.outbox.lease import PostgresOutbox
from waypost.telemetry import metrics

ROUNDS = 3
CHUNK = 2000
LATENCY_SECONDS = 10.0

_INSERT = """
insert into outbox (shard, event_id, tenant_id, topic, key, payload, headers, created_at)
values ($1, gen_random_uuid(), gen_random_uuid(), $2, $3, $4, $5::json, now())"""


async def main(rows: int, events_per_second: float) -> None:
    async with running_parts() as parts:
        # The servers need asyncio's own loop, which can start a process as another user; a service
        # runs on uvloop.
        await asyncio.to_thread(uvloop.run, measure(parts, rows, events_per_second))


async def measure(parts: Parts, rows: int, events_per_second: float) -> None:
    tune_garbage_collector()
    raw: list[float] = []
    drained: list[float] = []
    for number in range(ROUNDS):
        begin = time.process_time()
        raw.append(await produce_from_memory(parts, rows))
        between = time.process_time()
        drained.append(await drain(parts, rows))
        own, ours = (1e6 * seconds / rows for seconds in (between - begin, time.process_time() - between))
        print(
            f"round {number + 1}: raw {raw[-1]:9,.0f} rows/s ({own:.1f} µs CPU)   "
            f"relay {drained[-1]:9,.0f} rows/s ({ours:.1f} µs CPU)"
        )
    print(f"relay / raw: {statistics.median(drained) / statistics.median(raw):.2f} (medians of {ROUNDS})")
    seconds = sorted(await latencies(parts, events_per_second))
    p50, p99 = (seconds[int(len(seconds) * part)] * 1000 for part in (0.5, 0.99))
    print(f"commit to ack at {events_per_second:.0f}/s: p50 {p50:.1f} ms   p99 {p99:.1f} ms   ({len(seconds)} events)")


async def produce_from_memory(parts: Parts, rows: int) -> float:
    """Rows per second of the same producer with records from memory."""
    ready = records(rows)
    async with KafkaBroker(parts.bootstrap).publisher() as publisher:
        await publisher.send(ready[:CHUNK])
        begin = time.perf_counter()
        for start in range(0, rows, CHUNK):
            await publisher.send(ready[start : start + CHUNK])
        return rows / (time.perf_counter() - begin)


async def drain(parts: Parts, rows: int) -> float:
    """Rows per second from a full outbox to an empty one, the start of the relay included."""
    await parts.fill_outbox(rows)
    relay = Relay(PostgresOutbox(parts.database.relay), KafkaBroker(parts.bootstrap), LocalWakeups())
    begin, before = time.perf_counter(), published()
    await relay.start()
    # A query for rows that are left would scan the deleted ones, on a core that the relay needs.
    while published() < before + rows:  # noqa: ASYNC110 - the counter does not notify
        await asyncio.sleep(0.005)
    seconds = time.perf_counter() - begin
    await relay.stop()
    return rows / seconds


def published() -> float:
    """Rows that relays of this process have published and deleted."""
    (counter,) = metrics.OUTBOX_PUBLISHED.collect()
    return next(sample.value for sample in counter.samples if sample.name.endswith("_total"))


async def latencies(parts: Parts, events_per_second: float) -> Sequence[float]:
    """Seconds from each commit to its acknowledgement. Writer and relay share only NOTIFY, as in
    separate processes.
    """
    wakeups = LocalWakeups()
    listener = WakeupListener(
        PostgresListener(parts.database.relay, ["outbox"], wakeups.wake, application_name="bench-listener")
    )
    wakeup_sender = CoalescingWakeupSender(
        LocalWakeups(), PostgresNotifier(parts.database.app, application_name="bench-wakeups")
    )
    broker = TimedBroker(parts.bootstrap)
    relay = Relay(PostgresOutbox(parts.database.relay), broker, wakeups)
    for part in (listener, wakeup_sender, relay):
        await part.start()
        await part.ready.wait()
    committed = await write_steadily(parts.database.app, wakeup_sender, events_per_second)
    await parts.until_drained()
    for ending in (relay, wakeup_sender, listener):
        await ending.stop()
    return [broker.acknowledged[payload] - at for payload, at in committed.items()]


async def write_steadily(
    dsn: str, wakeup_sender: CoalescingWakeupSender, events_per_second: float
) -> dict[bytes, float]:
    """Commits one row at a time at random moments, and notifies. Returns the commit times."""
    committed: dict[bytes, float] = {}
    connection = await asyncpg.connect(dsn)
    due = time.perf_counter()
    for number in range(int(events_per_second * LATENCY_SECONDS)):
        due += random.expovariate(events_per_second)
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        key, payload = f"{number % 200}".encode(), f"{number}".encode()
        await connection.execute(_INSERT, shard_for(key), TOPIC, key, payload, HEADERS_AS_JSON)
        committed[payload] = time.perf_counter()
        wakeup_sender.send("outbox")
    await connection.close()
    return committed


class TimedBroker:
    """A Kafka broker that records when each record was acknowledged."""

    def __init__(self, bootstrap: str) -> None:
        self.acknowledged: dict[bytes, float] = {}
        self._broker = KafkaBroker(bootstrap)

    @asynccontextmanager
    async def publisher(self) -> AsyncIterator["TimedPublisher"]:
        async with self._broker.publisher() as publisher:
            yield TimedPublisher(publisher, self.acknowledged)


class TimedPublisher:
    def __init__(self, publisher: KafkaPublisher, acknowledged: dict[bytes, float]) -> None:
        self._publisher = publisher
        self._acknowledged = acknowledged

    async def send(self, outgoing: Sequence[OutgoingRecord]) -> None:
        await self._publisher.send(outgoing)
        now = time.perf_counter()
        self._acknowledged.update((record.value, now) for record in outgoing)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    asyncio.run(main(int(arguments[0]) if arguments else 100_000, float(arguments[1]) if len(arguments) > 1 else 200.0))
