"""One partition has fewer replicas in sync than it needs, the others of its topic have enough.
Their rows leave; the partition's own wait, and leave in order when its replica is back. The log has
each record once.
"""

from collections.abc import Awaitable, Callable

import pytest

from tests.fixtures.broker_cluster import BrokerCluster
from tests.fixtures.outbox import NewRow, migrate_toolkit, write
from waypost.engine.relay import Relay
from waypost.engine.relay.held import PartitionsHeld
from waypost.engine.wakeups import LocalWakeups
from waypost.kafka.producer import KafkaBroker
from waypost.kernel.partitioner import partition_for
from waypost.native.kafka import Kafka
from waypost.postgres.outbox.lease import PostgresOutbox
from waypost.testing.database import Databases, connected
from waypost.testing.eventually import eventually
from waypost.testing.topics import read_topic, unique

WAIT_SECONDS = 60
REPLICAS = {0: [1, 2], 1: [1, 3], 2: [3, 1], 3: [1, 3]}
"""Without node 2, only partition 0 has too few."""
KEYS = [b"%d" % number for number in range(20)]
BEHIND = {key for key in KEYS if partition_for(key, len(REPLICAS)) == 0}
PENDING = "select distinct key from outbox"

pytestmark = pytest.mark.timeout(150)


async def pause(broker: Kafka) -> None:
    broker.pause()


async def resume(broker: Kafka) -> None:
    broker.resume()


FAULTS: dict[str, tuple[Callable[[Kafka], Awaitable[object]], Callable[[Kafka], Awaitable[object]]]] = {
    "stopped": (Kafka.stop, Kafka.start),
    "killed": (Kafka.kill, Kafka.start),
    "frozen": (pause, resume),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_partition_below_its_minimum_delays_no_other(
    broker_cluster: BrokerCluster, database: Databases, fault: str
) -> None:
    users = await database("users", migrate_toolkit)
    topic = unique("users.user")
    await broker_cluster.create_topic(topic, REPLICAS)
    relay = Relay(PostgresOutbox(users.relay), KafkaBroker(broker_cluster.bootstrap), LocalWakeups())
    fail, heal = FAULTS[fault]
    async with connected(users.owner) as owner:

        async def write_versions(versions: range) -> None:
            for version in versions:
                for key in KEYS:
                    await write(owner, NewRow(topic=topic, key=key, payload=b"%d" % version))

        async def others_have_left() -> bool:
            return {row["key"] for row in await owner.fetch(PENDING)} == BEHIND

        async def is_drained() -> bool:
            return await owner.fetch(PENDING) == []

        await relay.start()
        try:
            await write_versions(range(1, 3))
            await eventually(is_drained, deadline_seconds=WAIT_SECONDS)
            await fail(broker_cluster.brokers[2])
            await write_versions(range(3, 6))
            await eventually(others_have_left, deadline_seconds=WAIT_SECONDS)
            reason = await eventually(lambda: held(relay), deadline_seconds=WAIT_SECONDS)
            assert f"{topic}/0: " in reason and reason.count(topic) == 1
            await write_versions(range(6, 9))
            await eventually(others_have_left, deadline_seconds=WAIT_SECONDS)
            await heal(broker_cluster.brokers[2])
            await eventually(is_drained, deadline_seconds=WAIT_SECONDS)
            assert not await held(relay)
        finally:
            await relay.drain(5)
            await relay.stop()
    found: dict[bytes, list[bytes]] = {}
    for record in await read_topic(broker_cluster.bootstrap, topic):
        found.setdefault(record.key, []).append(record.value)
    assert found == {key: [b"%d" % version for version in range(1, 9)] for key in KEYS}


async def held(relay: Relay) -> str:
    """The partitions that the relay reports, with their reasons."""
    try:
        await relay.makes_progress()
    except PartitionsHeld as error:
        return str(error)
    return ""
