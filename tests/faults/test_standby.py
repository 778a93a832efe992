"""The primary of PostgreSQL is killed under load and its standby promoted. The services follow by
themselves: each DSN names both servers.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.users.domain import User
from tests.faults.services_rig import SERVICES, ServicesRig, services_rig_on
from tests.fixtures.database_pair import DatabasePair, running_pair
from waypost.kernel.errors import Transient
from waypost.native.postgres.replication import is_standby
from waypost.testing.database import connected
from waypost.testing.eventually import eventually
from waypost.testing.topics import read_topic

WAIT_SECONDS = 60
WRITERS = 4
EACH = 15
"""Acknowledged sign-ups of each writer, before the failure and after it."""

pytestmark = pytest.mark.timeout(120)


@asynccontextmanager
async def services_on(pair: DatabasePair, kafka: str, folder: Path) -> AsyncIterator[ServicesRig]:
    databases = await pair.databases(*(service.name for service in SERVICES))
    async with services_rig_on(kafka, databases, folder) as services:
        await services.open_tenant()
        yield services


async def test_a_promotion_loses_nothing_that_a_synchronous_standby_confirmed(kafka: str, tmp_path: Path) -> None:
    async with running_pair(synchronous=True) as pair, services_on(pair, kafka, tmp_path) as services:
        async with services.users.relaying(), services.billing.consuming("customers"):
            signing_up = SignUps(services)
            writers = [asyncio.create_task(signing_up.run(writer)) for writer in range(WRITERS)]
            await signing_up.until_acknowledged(WRITERS * EACH)
            await pair.fail_over()
            await pair.primary.start()
            await signing_up.until_acknowledged(2 * WRITERS * EACH)
            signing_up.stop()
            await asyncio.gather(*writers)
            await eventually(lambda: stores_agree(services, signing_up), deadline_seconds=WAIT_SECONDS)
        assert is_standby(pair.primary.data)
        assert await services.unsettled("billing") == []


async def test_nothing_is_published_that_the_promotion_of_an_asynchronous_standby_undoes(
    kafka: str, tmp_path: Path
) -> None:
    async with running_pair(synchronous=False) as pair, services_on(pair, kafka, tmp_path) as services:
        async with services.users.relaying(), services.billing.consuming("customers"):
            ann = await services.sign_up("Ann")
            await eventually(lambda: customer_is(services, ann, "Ann", 1), deadline_seconds=WAIT_SECONDS)
            await pair.standby.kill()
            await services.rename(ann, "lost")
            await until_relay_waits(services)
            await pair.primary.kill()
            await pair.standby.start()
            await pair.standby.promote()

            await until_written(services, ann, "Anna")
            await pair.primary.start()
            await eventually(lambda: customer_is(services, ann, "Anna", 2), deadline_seconds=WAIT_SECONDS)
        assert await services.unsettled("billing") == []
        records = [record for record in await read_topic(kafka, "users.user") if record.key == str(ann.id).encode()]
        assert [dict(record.headers)["ce_sequence"] for record in records] == [b"1", b"2"]


class SignUps:
    """Sign-ups of several writers at the same time. A sign-up without an answer is
    forgotten, as a client does that gives up.
    """

    def __init__(self, services: ServicesRig) -> None:
        self.acknowledged: list[User] = []
        self._services = services
        self._stopped = False
        self._progress = asyncio.Event()

    async def run(self, writer: int) -> None:
        while not self._stopped:
            try:
                user = await self._services.sign_up(f"person {writer}-{len(self.acknowledged)}")
            except Transient:
                await asyncio.sleep(0)  # the database has no primary; the attempt itself waited
                continue
            self.acknowledged.append(user)
            self._progress.set()

    def stop(self) -> None:
        self._stopped = True

    async def until_acknowledged(self, number: int) -> None:
        await eventually(lambda: len(self.acknowledged) >= number, deadline_seconds=WAIT_SECONDS, signal=self._progress)


async def stores_agree(services: ServicesRig, signing_up: SignUps) -> bool:
    """True if every acknowledged user exists once in both services, and each published one in
    both.
    """
    stored = await services.users.rows(services.tenant_id, "select user_id from users")
    customers = await services.billing.rows(services.tenant_id, "select customer_id from customers")
    acknowledged = {user.id for user in signing_up.acknowledged}
    assert len(acknowledged) == len(signing_up.acknowledged)
    assert acknowledged <= {row["user_id"] for row in stored}
    assert sorted(row["user_id"] for row in stored) == sorted(row["customer_id"] for row in customers)
    return True


async def customer_is(services: ServicesRig, user: User, name: str, version: int) -> bool:
    found = await services.billing.rows(services.tenant_id, "select display_name, version from customers")
    assert [(row["display_name"], row["version"]) for row in found] == [(name, version)]
    return True


async def until_relay_waits(services: ServicesRig) -> None:
    """Waits until the relay has read the event, and asks for its confirmation."""

    async def waits() -> bool:
        query = """
            select count(*) from pg_stat_activity
            where datname = current_database() and application_name like '%relay-reading' and query like '%restart_lsn%'"""
        async with connected(services.databases["users"].relay) as same_role:
            return bool(await same_role.fetchval(query))

    await eventually(waits, deadline_seconds=WAIT_SECONDS)


async def until_written(services: ServicesRig, user: User, name: str) -> None:
    """Renames the user as soon as the new primary accepts it."""

    async def written() -> bool:
        try:
            await services.rename(user, name)
        except Transient:
            return False
        return True

    await eventually(written, deadline_seconds=WAIT_SECONDS)
