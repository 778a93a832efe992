"""Each kind of fault, injected into the running system and ended."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

import asyncpg
from aiokafka.errors import KafkaError

from infra.kafka.replication import replicated
from tests.faults.storm.schedule import Fault
from tests.faults.storm.system import POLL_SECONDS, System
from waypost.devstack.parts import PythonServer
from waypost.engine.failpoints import VARIABLE
from waypost.kafka.topic_creation import ensure_topics
from waypost.native.child import Child
from waypost.native.postgres import Postgres
from waypost.schemas.topics import declared_topics
from waypost.testing.database import connected
from waypost.testing.topics import delete_topic

REACHED_SECONDS = 90
"""Time to reach a failpoint; a process that does not reach it is killed where it is."""
COMMAND_SECONDS = 240
"""Time of an operator's command, repeated while other faults end it."""
PAUSE_SECONDS = 1.0

COMMIT_DELAY_MICROSECONDS = 100_000
"""The most that PostgreSQL accepts. With `commit_siblings` 0 each commit that flushes the log waits
so long, as on a disk with slow writes.
"""
_SLOW_DISK = (
    f"alter system set commit_delay = {COMMIT_DELAY_MICROSECONDS}",
    "alter system set commit_siblings = 0",
    "select pg_reload_conf()",
)
_FAST_DISK = (
    "alter system reset commit_delay",
    "alter system reset commit_siblings",
    "select pg_reload_conf()",
)
_NOT_NOW = (OSError, TimeoutError, KafkaError, asyncpg.PostgresError, asyncpg.InterfaceError)


async def kill(system: System, fault: Fault) -> None:
    server = system.server(fault.target)
    # PostgreSQL's processes have sessions of their own; the server knows them all.
    await (server.kill() if isinstance(server, Postgres) else server.child.kill())


async def kill_at(system: System, fault: Fault) -> bool:
    """True if it died at the failpoint, and not by our signal."""
    server = system.server(fault.target)
    if not isinstance(server, PythonServer):
        raise TypeError(f"{fault.target} has no failpoints")
    server.environment[VARIABLE] = f"{fault.point}=kill"
    before = server.child
    await server.stop()
    try:
        armed = await next_child(system, fault.target, before)
    finally:
        del server.environment[VARIABLE]  # the next start is without a failpoint
    with suppress(TimeoutError):
        async with asyncio.timeout(REACHED_SECONDS):
            await armed.wait()
        return armed.exit_code == -signal.SIGKILL
    await armed.kill()
    return False


async def freeze(system: System, fault: Fault) -> None:
    server = system.server(fault.target)
    frozen = server if isinstance(server, Postgres) else server.child
    frozen.pause()
    try:
        await asyncio.sleep(fault.hold_seconds)
    finally:
        frozen.resume()


async def restart(system: System, fault: Fault) -> None:
    await system.server(fault.target).stop()


async def cut(system: System, fault: Fault) -> None:
    link = system.links.between(fault.target, fault.point)
    link.become_silent()
    try:
        await asyncio.sleep(fault.hold_seconds)
    finally:
        await (link.forget() if fault.forgets else link.heal())


async def slow_disk(system: System, fault: Fault) -> None:
    server = system.server(fault.target)
    if not isinstance(server, Postgres):
        raise TypeError(f"{fault.target} is not a database server")
    await slow_commits(server.admin_dsn)
    try:
        await asyncio.sleep(fault.hold_seconds)
    finally:
        await fast_commits(server.admin_dsn)


async def slow_commits(admin_dsn: str) -> None:
    """Until `fast_commits`, or until the next start of the server, which writes its settings."""
    await _until_done(lambda: _configure(admin_dsn, _SLOW_DISK))


async def fast_commits(admin_dsn: str) -> None:
    await _until_done(lambda: _configure(admin_dsn, _FAST_DISK))


async def jump_clock(system: System, fault: Fault) -> None:
    system.move_clock(fault.target, fault.jump_seconds)
    try:
        await asyncio.sleep(fault.hold_seconds)
    finally:
        system.move_clock(fault.target, 0.0)


async def rebuild(system: System, fault: Fault) -> bool:
    """True if the read model was swapped. A rebuild that is killed, or that another fault ends, has
    changed nothing.
    """
    log = f"rebuild-{fault.number}"
    command = await system.waypost("projections", "rebuild", fault.point, "--processes", "1", log=log)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(fault.hold_seconds or COMMAND_SECONDS):
                return await command.wait() == 0
        return False
    finally:
        await command.kill()


async def lose_topic(system: System, fault: Fault) -> None:
    """Deletes the topic, creates it again, and runs the command that fills it, as an operator
    would: again until it succeeds.
    """
    bootstrap, brokers = system.addresses.kafka_bootstrap, len(system.addresses.servers.broker_names)
    topics = replicated(declared_topics(), brokers=brokers)
    system.refilled_topics.add(fault.point)

    async def create() -> None:
        """A creation that is too early after the deletion fails silently."""
        if fault.point in await ensure_topics(bootstrap, topics):
            raise TimeoutError("the topic was created just now; look again")

    async def fill() -> None:
        reason = ("--as", "storm", "--reason", "the topic was lost")
        command = await system.waypost("events", "republish", fault.point, *reason, log=f"republish-{fault.number}")
        if await command.wait() != 0:
            raise TimeoutError("the command has failed; run it again")

    await _until_done(lambda: delete_topic(bootstrap, fault.point))
    await _until_done(create)
    await _until_done(fill)


async def _configure(admin_dsn: str, statements: tuple[str, ...]) -> None:
    async with connected(admin_dsn) as admin:
        for statement in statements:
            await admin.execute(statement)


async def _until_done(act: Callable[[], Awaitable[None]]) -> None:
    """Repeats the act while another fault prevents it. Raises TimeoutError."""
    async with asyncio.timeout(COMMAND_SECONDS):
        while True:
            try:
                return await act()
            except _NOT_NOW:
                await asyncio.sleep(PAUSE_SECONDS)


async def next_child(system: System, target: str, before: Child) -> Child:
    """The child that the supervisor starts after `before`."""
    server = system.server(target)
    while server.child is before or not server.child.running:  # noqa: ASYNC110
        await asyncio.sleep(POLL_SECONDS)
    return server.child
