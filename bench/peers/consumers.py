"""The same work as `bench.consumer_arms` by aiokafka and asyncpg alone, and by FastStream.

    python -m bench.peers.consumers ARM BOOTSTRAP DSN TOPIC RECORDS HANDLER_US

Runs in an environment that contains only `bench/peers/requirements.txt`. Each arm decodes Avro and
writes the same rows with the same statements. None has an inbox, an order guard or tenants, and a
crash repeats the events since the last offset commit.
"""

import asyncio
import io
import json
import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import fastavro
import uvloop
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker, KafkaMessage

from bench.peers.handler_time import take

BATCH = 500
PARTITION_CONNECTIONS = 5
FRAME_BYTES = 5  # Confluent's magic byte and schema id
SCHEMAS = Path(__file__).parents[2] / "schemas/avro"

WRITE_NAMES = """
insert into members.members as members (tenant_id, user_id, names)
select tenant_id, user_id, array_agg(name order by position)
from unnest($1::uuid[], $2::uuid[], $3::text[]) with ordinality as named (tenant_id, user_id, name, position)
group by tenant_id, user_id
on conflict (tenant_id, user_id) do update set names = members.names || excluded.names"""

GREET = "insert into greetings (tenant_id, user_id, event_id, version) values ($1, $2, $3, $4)"

Headers = dict[str, Any]
Event = dict[str, Any]


async def raw(message: KafkaMessage) -> Any:
    """The records as aiokafka read them, instead of a body that FastStream decoded."""
    return message.raw_message


SETTINGS: Any = {"auto_offset_reset": "earliest", "decoder": raw, "ack_policy": AckPolicy.ACK}
"""Offsets are committed after the handler, so that no crash loses a message."""


class Decoder:
    """Decodes bodies with the newest schema of their type."""

    def __init__(self) -> None:
        kinds = ("user.created", "user.profile_updated")
        self._schemas = {
            kind: fastavro.parse_schema(json.loads((SCHEMAS / kind / "1.avsc").read_text())) for kind in kinds
        }

    def decode(self, headers: Headers, value: bytes) -> Event:
        body = io.BytesIO(value)
        body.seek(FRAME_BYTES)
        kind = headers["ce_type"]
        return fastavro.schemaless_reader(body, self._schemas[kind if isinstance(kind, str) else kind.decode()])  # type: ignore[return-value]


class Progress:
    """Measures from the first handler call to the commit of the last record."""

    def __init__(self, records: int) -> None:
        self.ended = asyncio.Event()
        self._expected = records
        self._done = 0
        self._began = self._began_cpu = 0.0
        self.measured: dict[str, float] = {}

    def begin(self) -> None:
        if not self._began:
            self._began, self._began_cpu = time.perf_counter(), time.process_time()

    def count(self, records: int) -> None:
        self._done += records
        if self._done == self._expected:
            self.measured = {
                "records": self._done,
                "seconds": time.perf_counter() - self._began,
                "cpu": time.process_time() - self._began_cpu,
            }
            self.ended.set()


async def write_names(events: Sequence[Event], pool: asyncpg.Pool, handler_us: int) -> None:
    for _ in events if handler_us else ():
        await take(handler_us)
    columns = ([event[name] for event in events] for name in ("tenant_id", "user_id", "display_name"))
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(WRITE_NAMES, *columns)


async def bare(bootstrap: str, topic: str, pool: asyncpg.Pool, progress: Progress, handler_us: int) -> None:
    """One poll, one transaction and one offset commit at a time."""
    decoder = Decoder()
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=secrets.token_hex(4),
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    async with consumer:
        while not progress.ended.is_set():
            polled = await consumer.getmany(timeout_ms=200, max_records=BATCH)
            records: Sequence[ConsumerRecord] = [record for some in polled.values() for record in some]
            if records:
                progress.begin()
                events = [decoder.decode(dict(record.headers), record.value) for record in records]
                await write_names(events, pool, handler_us)
                await consumer.commit()
                progress.count(len(records))


async def faststream_batch(bootstrap: str, topic: str, pool: asyncpg.Pool, progress: Progress, handler_us: int) -> None:
    """A batch subscriber: one transaction per batch, and the offset committed after it."""
    decoder, broker = Decoder(), KafkaBroker(bootstrap, logger=None)

    async def handle(records: Any) -> None:
        progress.begin()
        events = [decoder.decode(dict(record.headers), record.value) for record in records]
        await write_names(events, pool, handler_us)
        progress.count(len(records))

    broker.subscriber(topic, batch=True, max_records=BATCH, group_id=secrets.token_hex(4), **SETTINGS)(handle)
    await _run(broker, progress)


async def faststream(bootstrap: str, topic: str, pool: asyncpg.Pool, progress: Progress, handler_us: int) -> None:
    """A subscriber: one transaction per message, and the offset committed after it."""
    decoder, broker = Decoder(), KafkaBroker(bootstrap, logger=None)

    async def handle(record: Any) -> None:
        progress.begin()
        headers = dict(record.headers)
        event = decoder.decode(headers, record.value)
        if handler_us:
            await take(handler_us)
        async with pool.acquire() as connection, connection.transaction():
            ids = event["tenant_id"], event["user_id"], UUID(headers["ce_id"].decode())
            await connection.execute(GREET, *ids, int(headers["ce_sequence"]))
        progress.count(1)

    broker.subscriber(topic, group_id=secrets.token_hex(4), **SETTINGS)(handle)
    await _run(broker, progress)


async def _run(broker: KafkaBroker, progress: Progress) -> None:
    app = FastStream(broker, logger=None)
    await app.start()
    await progress.ended.wait()
    await app.stop()


ARMS = {"bare": bare, "faststream-batch": faststream_batch, "faststream": faststream}


async def main(arm: str, bootstrap: str, dsn: str, topic: str, records: str, handler_us: str) -> None:
    progress = Progress(int(records))
    async with asyncpg.create_pool(dsn, min_size=1, max_size=PARTITION_CONNECTIONS) as pool:
        await ARMS[arm](bootstrap, topic, pool, progress, int(handler_us))
    print(json.dumps(progress.measured))


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
