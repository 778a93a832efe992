"""One relay, or its producer alone, in a process for `bench.relay_rows`.

    python -m bench.relay_arms drain BOOTSTRAP RELAY_DSN ROWS
    python -m bench.relay_arms produce BOOTSTRAP RELAY_DSN ROWS
    python -m bench.relay_arms trickle BOOTSTRAP RELAY_DSN ROWS

`drain` publishes a full outbox until it is empty, the start of the relay included. `produce` sends
as many rows from memory. `trickle` publishes rows as they are committed, see `bench.relay_latency`.
"""

import asyncio
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import asyncpg
import uvloop

from bench.frame.cpu import Stopwatch
from bench.frame.programs import print_sample
from bench.frame.row import Sample
from bench.relay_latency import WARM_UP
from bench.relay_parts import PARTITIONS, TOPIC, records
from waypost.engine.process import tune_garbage_collector
from waypost.engine.relay import Relay
from waypost.engine.wakeups import LocalWakeups, WakeupListener
from waypost.kafka.producer import KafkaBroker, KafkaPublisher
from waypost.ports.broker import OutgoingRecord, PartitionSender
from waypost.ports.subscription import Partition
from waypost.postgres.listen import PostgresListener
from waypost.postgres.outbox.lease import PostgresOutbox
from waypost.telemetry import metrics

CHUNK = 2000
WATCH_SECONDS = 0.02
QUIET_TURNS = 25
"""After so many turns of the watch without a row, a relay may have published all."""


async def drain(bootstrap: str, dsn: str, rows: int) -> Sample:
    look = await asyncpg.connect(dsn)
    relay = Relay(PostgresOutbox(dsn), KafkaBroker(bootstrap), LocalWakeups())
    watch = Stopwatch()
    await relay.start()
    sample, seen, quiet = watch.sample(rows), 0.0, 0
    # A query scans the deleted rows, on a core that the relay needs: only when it has stopped.
    while quiet < QUIET_TURNS or await look.fetchval("select exists (select from outbox)"):
        await asyncio.sleep(WATCH_SECONDS)
        quiet += 1
        if seen < (seen := published()):
            sample, quiet = watch.sample(rows), 0
    await relay.stop()
    await look.close()
    return sample


def published() -> float:
    """Rows that relays of this process have published and deleted."""
    (counter,) = metrics.OUTBOX_PUBLISHED.collect()
    return next(sample.value for sample in counter.samples if sample.name.endswith("_total"))


async def produce(bootstrap: str, dsn: str, rows: int) -> Sample:
    ready = records(rows)
    async with KafkaBroker(bootstrap).publisher() as publisher:
        senders = {number: publisher.sender(Partition(TOPIC, number)) for number in range(PARTITIONS)}
        await send(senders, ready[:CHUNK])
        watch = Stopwatch()
        for start in range(0, rows, CHUNK):
            await send(senders, ready[start : start + CHUNK])
        return watch.sample(rows)


async def send(senders: Mapping[int, PartitionSender], records: Sequence[OutgoingRecord]) -> None:
    partitions: defaultdict[int, list[OutgoingRecord]] = defaultdict(list)
    for record in records:
        partitions[record.shard % PARTITIONS].append(record)
    await asyncio.gather(*(senders[number].send(of_one) for number, of_one in partitions.items()))


async def trickle(bootstrap: str, dsn: str, rows: int) -> Sample:
    wakeups, broker = LocalWakeups(), TimedBroker(bootstrap)
    listener = WakeupListener(PostgresListener(dsn, ["outbox"], wakeups.wake, application_name="bench-listener"))
    relay = Relay(PostgresOutbox(dsn), broker, wakeups)
    await listener.start()
    await relay.start()
    await broker.acknowledged_at_least(WARM_UP)
    watch = Stopwatch()
    print("ready", flush=True)
    await broker.acknowledged_at_least(WARM_UP + rows)
    sample = watch.sample(rows)
    await relay.drain(5)
    await relay.stop()
    await listener.stop()
    for payload, at in broker.acknowledged.items():
        print("acknowledged", payload.decode(), at)
    return sample


class TimedBroker:
    """A Kafka broker that records when each record was acknowledged."""

    def __init__(self, bootstrap: str) -> None:
        self.acknowledged: dict[bytes, int] = {}
        self._broker = KafkaBroker(bootstrap)

    async def acknowledged_at_least(self, records: int) -> None:
        while len(self.acknowledged) < records:  # noqa: ASYNC110 - the relay does not notify
            await asyncio.sleep(WATCH_SECONDS)

    @asynccontextmanager
    async def publisher(self) -> AsyncIterator["TimedPublisher"]:
        async with self._broker.publisher() as publisher:
            yield TimedPublisher(publisher, self.acknowledged)


class TimedPublisher:
    def __init__(self, publisher: KafkaPublisher, acknowledged: dict[bytes, int]) -> None:
        self.partitions = publisher.partitions
        self._publisher = publisher
        self._acknowledged = acknowledged

    def sender(self, partition: Partition) -> "TimedSender":
        return TimedSender(self._publisher.sender(partition), self._acknowledged)


class TimedSender:
    def __init__(self, sender: PartitionSender, acknowledged: dict[bytes, int]) -> None:
        self._sender = sender
        self._acknowledged = acknowledged

    @property
    def held_because(self) -> str | None:
        return self._sender.held_because

    async def send(self, outgoing: Sequence[OutgoingRecord]) -> None:
        await self._sender.send(outgoing)
        now = time.monotonic_ns()
        self._acknowledged.update((record.value, now) for record in outgoing)


if __name__ == "__main__":
    tune_garbage_collector()
    arm, bootstrap, dsn, rows = sys.argv[1:]
    arms = {"drain": drain, "produce": produce, "trickle": trickle}
    print_sample(uvloop.run(arms[arm](bootstrap, dsn, int(rows))))
