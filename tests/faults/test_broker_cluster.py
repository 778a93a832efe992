"""Three brokers with replication 3 and `min.insync.replicas` 2 are killed, frozen and restarted
under load. Nothing is lost, doubled or out of order, and no person acts.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence, Set
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest

from services.users.domain import User
from tests.faults.services_rig import ServicesRig, services_rig
from tests.fixtures.broker_cluster import BrokerCluster
from waypost.kernel.partitioner import partition_for
from waypost.schemas.topics import declared_topics
from waypost.testing.database import Databases
from waypost.testing.eventually import eventually

WAIT_SECONDS = 60
PEOPLE = 5
PAUSE_SECONDS = 0.02
"""Between two writes. Without it, the load would take the time of the consumers, which share its
process.
"""
PARTITIONS = next(topic.partitions for topic in declared_topics() if topic.name == "users.user")

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
async def services(broker_cluster: BrokerCluster, database: Databases, tmp_path: Path) -> AsyncIterator[ServicesRig]:
    async with services_rig(broker_cluster.bootstrap, database, tmp_path) as made:
        yield made


async def test_each_broker_fails_in_turn_under_load(services: ServicesRig, broker_cluster: BrokerCluster) -> None:
    killed, frozen, restarted = broker_cluster.brokers.values()
    await services.open_tenant()
    async with load(services) as load_:
        await killed.kill()
        await load_.until_handled_since_now()
        await killed.start()
        await broker_cluster.until_in_sync()

        frozen.pause()
        await load_.until_handled_since_now()
        frozen.resume()
        await broker_cluster.until_in_sync()

        await restarted.stop()
        await load_.until_handled_since_now()
        await restarted.start()


async def test_two_brokers_are_killed_at_once_under_load(services: ServicesRig, broker_cluster: BrokerCluster) -> None:
    await services.open_tenant()
    async with load(services) as load_:
        await asyncio.gather(broker_cluster.brokers[1].kill(), broker_cluster.brokers[2].kill())
        await load_.until_written(2 * PEOPLE)
        await broker_cluster.start([1, 2])
        await load_.until_handled_since_now()


def partition_of(person: User) -> int:
    return partition_for(str(person.id).encode(), PARTITIONS)


class Load:
    """Sign-ups and renames, one after another, while the consumers of two services run."""

    def __init__(self, services: ServicesRig) -> None:
        self._services = services
        self._names: dict[str, int] = {}
        """By the last name of each person, the version of the user."""
        self._people: list[User] = []
        self._written = asyncio.Event()
        self._writes = 0
        self._stopped = False

    async def run(self) -> None:
        while not self._stopped:
            await self._write()
            self._writes += 1
            self._written.set()
            await asyncio.sleep(PAUSE_SECONDS)

    def stop(self) -> None:
        self._stopped = True

    async def until_written(self, count: int) -> None:
        target = self._writes + count
        await eventually(lambda: self._writes >= target, deadline_seconds=WAIT_SECONDS, signal=self._written)

    async def until_handled_since_now(self) -> None:
        """Waits until the consumers have handled a record of every partition that was written after
        the call: each broker leads some of them.
        """
        before = len(self._people)
        await eventually(
            lambda: len({partition_of(person) for person in self._people[before:]}) == PARTITIONS,
            deadline_seconds=WAIT_SECONDS,
            signal=self._written,
        )
        since = {person.id for person in self._people[before:]}
        await eventually(lambda: self._are_welcome(since), deadline_seconds=WAIT_SECONDS)

    async def assert_each_effect_once(self) -> None:
        await eventually(self._customers_are_current, deadline_seconds=WAIT_SECONDS)
        everyone = {person.id for person in self._people}
        await eventually(lambda: self._are_welcome(everyone), deadline_seconds=WAIT_SECONDS)
        assert len(await self._welcomes()) == len(everyone)
        await eventually(self._services.all_are_settled, deadline_seconds=WAIT_SECONDS)

    async def _write(self) -> None:
        number = self._writes
        if number % 3 == 0 or not self._people:
            self._people.append(await self._services.sign_up(f"person {number}"))
            self._names[f"person {number}"] = 1
            return
        person = self._people[number // 3]
        await self._services.rename(person, f"person {number}")
        self._names.pop(f"person {number - 1}")
        self._names[f"person {number}"] = number % 3 + 1

    async def _customers_are_current(self) -> bool:
        query = "select display_name, version from customers"
        found = await self._services.billing.rows(self._services.tenant_id, query)
        assert {row["display_name"]: row["version"] for row in found} == self._names
        return True

    async def _are_welcome(self, people: Set[UUID]) -> bool:
        return people <= set(await self._welcomes())

    async def _welcomes(self) -> Sequence[UUID]:
        query = "select recipient_id from notifications where kind = 'welcome'"
        rows = await self._services.notifications.rows(self._services.tenant_id, query)
        return [row["recipient_id"] for row in rows]


@asynccontextmanager
async def load(services: ServicesRig) -> AsyncIterator[Load]:
    """Checks at the end that each event took effect once, in its order."""
    made = Load(services)
    notifications = services.notifications
    async with (
        services.users.relaying(),
        services.billing.consuming("person_keys"),
        services.billing.consuming("customers"),
        notifications.consuming("person_keys"),
        notifications.consuming("tenants"),
        notifications.consuming("recipients"),
        notifications.consuming("notices"),
    ):
        running = asyncio.create_task(made.run(), name="load")
        await made.until_handled_since_now()
        yield made
        made.stop()
        await running
        await made.assert_each_effect_once()
