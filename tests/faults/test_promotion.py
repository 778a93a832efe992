"""The primary of PostgreSQL is killed under load, and its standby is promoted. With synchronous
commits nothing that was acknowledged is lost. With asynchronous commits the loss is listed, no
consumer has seen it, and the commands can be repeated.
"""

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from schemas.users import UserCreated
from tests.faults.services_rig import ServicesRig, services_rig_on
from tests.fixtures.database_pair import DatabasePair, running_pair
from waypost.kafka.topic_creation import ensure_topics
from waypost.kernel.errors import Transient
from waypost.native.ports import free_ports
from waypost.native.postgres import Postgres
from waypost.native.postgres.replication import LOST_COMMITS, SET_ASIDE
from waypost.postgres.personal_cipher import decrypted
from waypost.schemas.application import application_codec
from waypost.schemas.topics import declared_topics
from waypost.testing.database import connected
from waypost.testing.eventually import eventually
from waypost.testing.kafka import Broker

WRITERS = 4
ENOUGH = 20
WAIT_SECONDS = 60
STORED = "select type, payload, event_id from events where $1::text is null or xmin::text = $1 order by position"

pytestmark = pytest.mark.timeout(150)


@asynccontextmanager
async def services_on(pair: DatabasePair, kafka: Broker, folder: Path) -> AsyncIterator[ServicesRig]:
    await ensure_topics(kafka.bootstrap, declared_topics())
    databases = await pair.databases("users", "billing", "notifications")
    async with services_rig_on(kafka.bootstrap, databases, folder) as services:
        await services.open_tenant()
        yield services


@asynccontextmanager
async def following(services: ServicesRig) -> AsyncIterator[None]:
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
        yield


class Writers:
    """Concurrent sign-ups, each under a new name, until `stop`."""

    def __init__(self, services: ServicesRig, pair: DatabasePair) -> None:
        self._services = services
        self._pair = pair
        self._stopped = False
        self.acknowledged: list[str] = []
        self.failed = 0

    async def run(self) -> None:
        async with asyncio.TaskGroup() as writers:
            for number in range(WRITERS):
                writers.create_task(self._write(number))

    def stop(self) -> None:
        self._stopped = True

    async def until_acknowledged(self, more: int) -> None:
        target = len(self.acknowledged) + more
        await eventually(lambda: len(self.acknowledged) >= target, deadline_seconds=WAIT_SECONDS)

    async def _write(self, writer: int) -> None:
        turn = 0
        while not self._stopped:
            turn, name = turn + 1, f"writer {writer} turn {turn:04}"
            try:
                await self._services.sign_up(name)
            except Transient:  # it was stored or not, but consistently everywhere
                self.failed += 1
                await eventually(self._answers, deadline_seconds=WAIT_SECONDS)
            else:
                self.acknowledged.append(name)

    async def _answers(self) -> bool:
        try:
            async with connected(self._pair.admin_dsn) as admin:
                return bool(await admin.fetchval("select true"))
        except OSError:
            return False


async def test_synchronous_commits_lose_nothing_in_a_promotion(own_kafka: Broker, tmp_path: Path) -> None:
    async with running_pair(synchronous=True) as pair, services_on(pair, own_kafka, tmp_path) as services:
        async with following(services):
            writers = Writers(services, pair)
            writing = asyncio.create_task(writers.run())
            await writers.until_acknowledged(ENOUGH)
            await pair.fail_over()
            await pair.primary.start()  # as the standby, without which no commit is acknowledged
            await writers.until_acknowledged(ENOUGH)
            writers.stop()
            await writing
            stored = await stored_names(services, pair)
            assert Counter(writers.acknowledged) - Counter(stored) == Counter()
            await eventually(lambda: took_effect_once(services, stored), deadline_seconds=WAIT_SECONDS)
        assert lost_commits(pair) == []


async def test_commits_that_an_asynchronous_promotion_loses_are_listed_and_can_be_repeated(
    own_kafka: Broker, tmp_path: Path
) -> None:
    async with (
        running_pair(synchronous=False) as pair,
        services_on(pair, own_kafka, tmp_path) as services,
        following(services),
    ):
        await services.sign_up("Ann")
        await eventually(lambda: took_effect_once(services, ["Ann"]), deadline_seconds=WAIT_SECONDS)
        await pair.standby.kill()
        await services.sign_up("Bob")
        await services.sign_up("Eve")
        await pair.primary.kill()
        await pair.standby.start()
        await pair.standby.promote()
        await pair.primary.start()

        assert await stored_names(services, pair) == ["Ann"]
        lost = lost_commits(pair)
        assert len(lost) == 2
        async with former_primary(pair, tmp_path) as former:
            names = [name for commit in lost for name in await names_of(former, transaction=commit.split()[-1])]
        assert names == ["Bob", "Eve"]
        await eventually(lambda: took_effect_once(services, ["Ann"]), deadline_seconds=WAIT_SECONDS)

        for name in names:
            await services.sign_up(name)
        await eventually(lambda: took_effect_once(services, ["Ann", *names]), deadline_seconds=WAIT_SECONDS)


def lost_commits(pair: DatabasePair) -> list[str]:
    return pair.primary.data.with_name(LOST_COMMITS).read_text().splitlines()


@asynccontextmanager
async def former_primary(pair: DatabasePair, folder: Path) -> AsyncIterator[Postgres]:
    """A server on the data of the former primary, as the guide describes it."""
    (port,) = free_ports(1)
    password = pair.primary.admin_dsn.partition("postgres:")[2].partition("@")[0]
    beside = pair.primary.data.parent.with_name("former")
    server = Postgres(beside, port=port, password=password, durable=False, log=folder / "former.log")
    beside.mkdir(mode=0o711)
    shutil.move(pair.primary.data.with_name(SET_ASIDE), server.data)
    try:
        await server.start()
        yield server
    finally:
        await server.kill()


async def names_of(server: Postgres, *, transaction: str) -> Sequence[str]:
    """The names in the events of a transaction."""
    dsn = server.admin_dsn.rpartition("/")[0] + "/users"
    return await names_in(dsn, transaction)


async def stored_names(services: ServicesRig, pair: DatabasePair) -> Sequence[str]:
    dsn = pair.admin_dsn.replace("/postgres?", "/users?")
    return await names_in(dsn, None)


async def names_in(dsn: str, transaction: str | None) -> Sequence[str]:
    codec = application_codec()
    async with connected(dsn) as admin:
        rows = await admin.fetch(STORED, transaction)
        keys = {row["person_id"]: row["key"] for row in await admin.fetch("select person_id, key from person_keys")}
    events = [(codec.decode(row["type"], row["payload"]), row["event_id"]) for row in rows]
    created = [(event, event_id) for event, event_id in events if isinstance(event, UserCreated)]
    return [decrypted(event, event_id, keys[event.user_id]).display_name for event, event_id in created]


async def took_effect_once(services: ServicesRig, names: Sequence[str]) -> bool:
    """Each of these people is one customer, one recipient and one welcomed person, and no other
    is.
    """
    tenant = services.tenant_id
    customers = await services.billing.rows(tenant, "select display_name, version from customers")
    recipients = await services.notifications.rows(tenant, "select display_name from recipients")
    welcomed = await services.notifications.rows(tenant, "select 1 from notifications where kind = 'welcome'")
    assert {row["display_name"]: row["version"] for row in customers} == dict.fromkeys(names, 1)
    assert sorted(row["display_name"] for row in recipients) == sorted(names)
    assert len(welcomed) == len(names)
    return await services.all_are_settled()
