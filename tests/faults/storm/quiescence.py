"""Waits until the system is idle, without any intervention (I7)."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Mapping

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from tests.faults.storm.evidence import Settled
from tests.faults.storm.sources.databases import SERVICES, database_dsn
from tests.faults.storm.system import System
from waypost.schemas.topics import declared_topics

log = logging.getLogger(__name__)

DEADLINE_SECONDS = 420
"""A pending attempt is looked up after 2 minutes, by a sweep that runs every minute."""
LOOK_SECONDS = 0.5

_LEFT = """
select (select count(*) from outbox) as "outbox rows",
       (select count(*) from outbox_quarantine) as "quarantined keys",
       (select count(*) from parked_keys) as "parked keys",
       (select count(*) from dead_letters where status in ('retrying', 'waiting', 'dead')) as "open dead letters",
       (select count(*) from jobs where status = 'dead') as "dead jobs",
       (select count(*) from jobs where status <> 'dead' and (run_at <= now() or attempts + outages > 0)) as "jobs begun or due" """
_PENDING = """select count(*) from payment_attempts where status = 'pending'"""
_OFFSETS = "select consumer, topic, partition, next_offset from consumer_offsets"

_NOT_NOW = (OSError, TimeoutError, KafkaError, httpx.HTTPError, asyncpg.PostgresError, asyncpg.InterfaceError)


async def wait_until_idle(system: System, deadline_seconds: float = DEADLINE_SECONDS) -> Settled:
    """Returns once all is idle, or at the deadline with the remaining work."""
    begun, last = time.monotonic(), ""
    while True:
        left = await _look(system)
        seconds = time.monotonic() - begun
        if not left or seconds > deadline_seconds:
            return Settled(seconds=seconds, left=left, last=last)
        last = ", ".join(left)
        log.info("after %.0f s: %s", seconds, dict(left))
        await asyncio.sleep(LOOK_SECONDS)


async def _look(system: System) -> Mapping[str, int]:
    """The remaining work, by name, without zeros."""
    left = Counter(dict.fromkeys(system.down, 1))
    try:
        left += Counter(await _behind(system)) + Counter(await _undelivered(system))
        for service in SERVICES:
            left += Counter(await _in(service.name, system))
    except _NOT_NOW as error:
        left[f"cannot be asked: {error!r}"] += 1
    return left


async def _in(service: str, system: System) -> Mapping[str, int]:
    connection = await asyncpg.connect(database_dsn(system.environments, service), timeout=5)
    try:
        [counts] = await connection.fetch(_LEFT)
        left = {f"{service}: {name}": count for name, count in counts.items()}
        if service == "billing":
            left["billing: attempts pending"] = await connection.fetchval(_PENDING)
        return left
    finally:
        await connection.close()


async def _behind(system: System) -> Mapping[str, int]:
    """Records on the topics that a consumer has not processed."""
    stands: dict[tuple[str, TopicPartition], int] = {}
    for service in SERVICES:
        connection = await asyncpg.connect(database_dsn(system.environments, service.name), timeout=5)
        try:
            for row in await connection.fetch(_OFFSETS):
                stands[row["consumer"], TopicPartition(row["topic"], row["partition"])] = row["next_offset"]
        finally:
            await connection.close()
    return records_behind(stands, await _ends(system.addresses.kafka_bootstrap))


def records_behind(
    stands: Mapping[tuple[str, TopicPartition], int], ends: Mapping[TopicPartition, int]
) -> Mapping[str, int]:
    """Records that a consumer has not processed, of all its partitions."""
    behind: Counter[str] = Counter()
    for (consumer, place), stood in stands.items():
        behind[f"{consumer}: records behind"] += max(ends.get(place, 0) - stood, 0)
    return behind


async def _ends(bootstrap: str) -> Mapping[TopicPartition, int]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    try:
        await consumer.start()
        places = [
            TopicPartition(topic.name, number) for topic in declared_topics() for number in range(topic.partitions)
        ]
        ends: Mapping[TopicPartition, int] = await consumer.end_offsets(places)
        return ends
    finally:
        await consumer.stop()


async def _undelivered(system: System) -> Mapping[str, int]:
    async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
        told = (await http.get(f"{system.addresses.url('payments')}/v1/events")).raise_for_status().json()["data"]
    return {"webhooks undelivered": sum(envelope["delivered_at"] is None for envelope in told)}
