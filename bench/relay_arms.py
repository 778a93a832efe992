"""One relay, or its producer alone, in a process for `bench.relay_rows`.

    python -m bench.relay_arms drain BOOTSTRAP RELAY_DSN ROWS
    python -m bench.relay_arms produce BOOTSTRAP RELAY_DSN ROWS

`drain` publishes a full outbox until it is empty, the start of the relay included. `produce` sends
as many rows from memory.
"""

import asyncio
import sys

import asyncpg
import uvloop

from bench.frame.cpu import Stopwatch
from bench.frame.programs import print_sample
from bench.frame.row import Sample
from bench.relay_drain import CHUNK
from bench.relay_parts import records
from waypost.engine.process import tune_garbage_collector
from waypost.engine.relay import Relay
from waypost.engine.wakeups import LocalWakeups
from waypost.kafka.producer import KafkaBroker
from waypost.postgres.outbox.lease import PostgresOutbox

WATCH_SECONDS = 0.02


async def drain(bootstrap: str, dsn: str, rows: int) -> Sample:
    look = await asyncpg.connect(dsn)
    relay = Relay(PostgresOutbox(dsn), KafkaBroker(bootstrap), LocalWakeups())
    watch = Stopwatch()
    await relay.start()
    while await look.fetchval("select exists (select from outbox)"):  # noqa: ASYNC110 - the server does not notify of an empty outbox
        await asyncio.sleep(WATCH_SECONDS)
    sample = watch.sample(rows)
    await relay.stop()
    await look.close()
    return sample


async def produce(bootstrap: str, dsn: str, rows: int) -> Sample:
    ready = records(rows)
    async with KafkaBroker(bootstrap).publisher() as publisher:
        await publisher.send(ready[:CHUNK])
        watch = Stopwatch()
        for start in range(0, rows, CHUNK):
            await publisher.send(ready[start : start + CHUNK])
        return watch.sample(rows)


if __name__ == "__main__":
    tune_garbage_collector()
    arm, bootstrap, dsn, rows = sys.argv[1:]
    print_sample(uvloop.run({"drain": drain, "produce": produce}[arm](bootstrap, dsn, int(rows))))
