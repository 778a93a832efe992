"""Wake-ups between processes, over a real server that ends sessions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.fixtures.outbox import end_sessions, migrate_toolkit
from waypost.engine.wakeups import CoalescingWakeupSender, LocalWakeups, WakeupListener
from waypost.kernel.errors import Transient
from waypost.postgres.listen import PostgresListener, PostgresNotifier
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.database import Databases
from waypost.testing.eventually import eventually


@pytest.fixture
async def users(database: Databases) -> ServiceDatabase:
    return await database("users", migrate_toolkit)


@asynccontextmanager
async def listening(users: ServiceDatabase, wakeups: LocalWakeups) -> AsyncIterator[WakeupListener]:
    listener = WakeupListener(PostgresListener(users.relay, ["outbox", "jobs"], wakeups.wake, application_name="ear"))
    await listener.start()
    try:
        async with asyncio.timeout(10):
            await listener.ready.wait()
        yield listener
    finally:
        await listener.stop()


@asynccontextmanager
async def sending(users: ServiceDatabase) -> AsyncIterator[CoalescingWakeupSender]:
    wakeup_sender = CoalescingWakeupSender(LocalWakeups(), PostgresNotifier(users.app, application_name="wakeups"))
    await wakeup_sender.start()
    try:
        yield wakeup_sender
    finally:
        await wakeup_sender.stop()


async def test_a_wakeup_of_another_process_arrives_on_its_channel_alone(users: ServiceDatabase) -> None:
    elsewhere = LocalWakeups()
    outbox, jobs = elsewhere.subscribe("outbox"), elsewhere.subscribe("jobs")
    async with listening(users, elsewhere), sending(users) as wakeup_sender:
        outbox.clear()
        jobs.clear()
        wakeup_sender.send("jobs")
        async with asyncio.timeout(10):
            await jobs.wait()
        assert not outbox.is_set()


async def test_a_listener_that_was_cut_off_wakes_everybody_when_it_hears_again(
    users: ServiceDatabase, postgres: str
) -> None:
    elsewhere = LocalWakeups()
    outbox, jobs = elsewhere.subscribe("outbox"), elsewhere.subscribe("jobs")
    async with listening(users, elsewhere) as listener, sending(users) as wakeup_sender:
        outbox.clear()
        jobs.clear()
        assert await end_sessions(postgres, users.name, "ear") == 1
        async with asyncio.timeout(10):
            await outbox.wait()
        async with asyncio.timeout(10):
            await jobs.wait()
        async with asyncio.timeout(10):
            await listener.ready.wait()
        outbox.clear()
        wakeup_sender.send("outbox")
        async with asyncio.timeout(10):
            await outbox.wait()


async def test_a_wakeup_sender_whose_session_ended_reconnects(users: ServiceDatabase, postgres: str) -> None:
    elsewhere = LocalWakeups()
    outbox = elsewhere.subscribe("outbox")
    async with listening(users, elsewhere), sending(users) as wakeup_sender:
        wakeup_sender.send("outbox")
        async with asyncio.timeout(10):
            await outbox.wait()
        await eventually(lambda: end_sessions(postgres, users.name, "wakeups"))
        outbox.clear()
        wakeup_sender.send("outbox")
        async with asyncio.timeout(10):
            await outbox.wait()


async def test_a_notifier_without_a_server_raises_transient() -> None:
    notifier = PostgresNotifier("postgresql://absent@127.0.0.1:1/none", application_name="wakeups")
    with pytest.raises(Transient):
        await notifier.notify(["outbox"])
    await notifier.close()
