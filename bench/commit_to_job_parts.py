"""The raw parts of the way from a commit to a job in another service: bare drivers, one after the
other.
"""

import asyncio
import time
from collections.abc import Sequence

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.relay_parts import TOPIC, Parts

_TABLE = "create table if not exists raw_parts (id bigint generated always as identity primary key, value text)"


async def raw_parts(parts: Parts, rounds: int) -> Sequence[float]:
    """Milliseconds of the raw parts, one after the other, on warm connections."""
    listener, sender = await asyncpg.connect(parts.admin_dsn), await asyncpg.connect(parts.admin_dsn)
    await sender.execute(
        "create table if not exists raw_parts (id bigint generated always as identity primary key, value text)"
    )
    heard = asyncio.Event()
    await listener.add_listener("raw_parts", lambda *_: heard.set())
    consumer = AIOKafkaConsumer(TOPIC, bootstrap_servers=parts.bootstrap, auto_offset_reset="latest")
    producer = AIOKafkaProducer(bootstrap_servers=parts.bootstrap, acks="all", enable_idempotence=True)
    await consumer.start()
    await producer.start()
    await consumer.seek_to_end()
    waits: list[float] = []
    try:
        for _ in range(rounds + 1):
            begin = time.perf_counter()
            await notify(sender, heard)
            await sender.fetch("select * from raw_parts order by id desc limit 1")
            await producer.send_and_wait(TOPIC, b"value", key=b"key")
            await consumer.getone()
            await sender.execute("insert into raw_parts (value) values ('x')")
            await notify(sender, heard)
            await sender.execute("update raw_parts set value = 'y' where id = (select max(id) from raw_parts)")
            waits.append((time.perf_counter() - begin) * 1000)
    finally:
        await consumer.stop()
        await producer.stop()
        await listener.close()
        await sender.close()
    return waits[1:]


async def notify(sender: asyncpg.Connection, heard: asyncio.Event) -> None:
    heard.clear()
    await sender.execute("notify raw_parts")
    await heard.wait()
