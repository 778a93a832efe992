"""Wake-ups between processes, over a real server that ends sessions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import make_url

from tests.fixtures.outbox import end_sessions, migrate_toolkit
from tests.fixtures.proxy import Proxy
from waypost.engine.wakeups import CoalescingWakeupSender, LocalWakeups, WakeupListener
from waypost.kernel.errors import Transient
from waypost.native.ports import free_ports
from waypost.postgres.listen import PostgresListener, PostgresNotifier
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.database import Databases
from waypost.testing.eventually import eventually


@pytest.fixture
async def users(database: Databases) -> ServiceDatabase:
    return await database("users", migrate_toolkit)


@asynccontextmanager
async def listening(
    users: ServiceDatabase, wakeups: LocalWakeups, *, dsn: str = "", heartbeat_seconds: float = 10.0
) -> AsyncIterator[WakeupListener]:
    listener = WakeupListener(
        PostgresListener(
            dsn or users.relay,
            ["outbox", "jobs"],
            wakeups.wake,
            application_name="ear",
            heartbeat_seconds=heartbeat_seconds,
        )
    )
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


@pytest.fixture
async def proxy(users: ServiceDatabase) -> AsyncIterator[Proxy]:
    """A proxy before the server."""
    (port,), server_port = free_ports(1), make_url(users.relay).port
    assert server_port is not None
    async with Proxy(port, to_port=server_port) as proxy:
        yield proxy


def through(proxy: Proxy, dsn: str) -> str:
    host, port = proxy.address.split(":")
    return make_url(dsn).set(host=host, port=int(port)).render_as_string(hide_password=False)


async def test_a_listener_whose_packets_are_lost_connects_again(users: ServiceDatabase, proxy: Proxy) -> None:
    elsewhere = LocalWakeups()
    outbox = elsewhere.subscribe("outbox")
    async with listening(users, elsewhere, dsn=through(proxy, users.relay), heartbeat_seconds=0.2) as listener:
        outbox.clear()
        proxy.become_silent()
        await proxy.heal_for_new_ones()
        async with asyncio.timeout(20):
            await outbox.wait()
            await listener.ready.wait()
        async with sending(users) as wakeup_sender:
            outbox.clear()
            wakeup_sender.send("outbox")
            async with asyncio.timeout(10):
                await outbox.wait()


async def test_a_notifier_whose_packets_are_lost_connects_again(users: ServiceDatabase, proxy: Proxy) -> None:
    notifier = PostgresNotifier(through(proxy, users.app), application_name="wakeups", answer_seconds=0.2)
    elsewhere = LocalWakeups()
    outbox = elsewhere.subscribe("outbox")
    async with listening(users, elsewhere):
        await notifier.notify(["outbox"])
        proxy.become_silent()
        with pytest.raises(Transient):
            await notifier.notify(["outbox"])
        await proxy.heal_for_new_ones()
        outbox.clear()
        async with asyncio.timeout(10):
            await notifier.notify(["outbox"])
            await outbox.wait()
        await notifier.close()


async def test_a_notifier_without_a_server_raises_transient() -> None:
    notifier = PostgresNotifier("postgresql://absent@127.0.0.1:1/none", application_name="wakeups")
    with pytest.raises(Transient):
        await notifier.notify(["outbox"])
    await notifier.close()
