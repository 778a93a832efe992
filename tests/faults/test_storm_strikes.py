"""The storm's faults do what their names say, and end."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from infra.stack.addresses import Addresses
from infra.stack.keys import load_or_make_keys
from infra.stack.places import CHECKOUT, inherited
from infra.stack.plan import Plan
from infra.stack.servers import Servers, Standby
from tests.faults.storm import shifted
from tests.faults.storm.links import Links
from tests.faults.storm.strikes import fast_commits, slow_commits
from tests.faults.storm.system import give_movable_clocks
from tests.faults.storm.targets import LINKS, PROCESSES
from tests.fixtures.proxy import Proxy
from waypost.devstack.parts import Component, PythonServer
from waypost.native.child import Child
from waypost.native.configuration.kafka import Listener
from waypost.native.kafka import Kafka
from waypost.native.ports import LOOPBACK, free_ports
from waypost.testing.clock import MovableClock
from waypost.testing.database import connected
from waypost.testing.postgres import DatabaseServer

CLUSTER = Servers(brokers=3, standby=Standby.SYNCHRONOUS)


def components(links: Links, addresses: Addresses, folder: Path) -> dict[str, Component]:
    plan = Plan(addresses, load_or_make_keys(folder / "keys"), folder, listeners=links.listeners)
    return {component.name: component for component in plan.components()}


def environment(component: Component) -> dict[str, str]:
    assert isinstance(component.part, PythonServer)
    return component.part.environment


@pytest.mark.parametrize("servers", [Servers(), CLUSTER], ids=["one of each", "cluster"])
def test_every_process_reaches_every_server_through_its_own_proxy(tmp_path: Path, servers: Servers) -> None:
    addresses = Addresses(9000, servers)
    links = Links(addresses)
    planned = components(links, addresses, tmp_path)
    links.lead_through_proxies(planned.values())
    used: list[str] = []
    for process, peers in LINKS.items():
        variables = environment(planned[process])
        told = " ".join(value for name, value in variables.items() if "ZIPKIN" not in name and "PUBLIC" not in name)
        for peer in peers:
            for server in addresses.servers.broker_names if peer == "kafka" else [peer]:
                place = links.between(process, server).address
                assert place in told or place.rpartition(":")[2] == variables.get("WAYPOST_SMTP_PORT")
                assert addresses.place(server) not in told
                used.append(place)
    assert len(used) == len(set(used))
    if servers is CLUSTER:
        dsn = environment(planned["users-worker"])["WAYPOST_RELAY_DSN"]
        assert dsn.count(links.between("users-worker", "postgres").address) == 1


def test_each_broker_advertises_the_proxies_of_its_clients() -> None:
    addresses = Addresses(9000, CLUSTER)
    links = Links(addresses)
    for broker in addresses.servers.broker_names:
        advertised = {listener.advertised for listener in links.listeners[broker].values()}
        clients = [process for process, peers in LINKS.items() if "kafka" in peers]
        assert advertised == {links.between(client, broker).address for client in clients}


@pytest.mark.parametrize("servers", [Servers(), CLUSTER], ids=["one of each", "cluster"])
def test_brokers_have_the_further_listeners(tmp_path: Path, servers: Servers) -> None:
    addresses = Addresses(9000, servers)
    links = Links(addresses)
    planned = components(links, addresses, tmp_path)
    for name in addresses.servers.broker_names:
        broker = planned[name].part
        assert isinstance(broker, Kafka)
        further: Mapping[str, Listener] | None = broker._further
        assert further == links.listeners[name] != {}


Ask = Callable[[], Coroutine[Any, Any, bytes]]


@asynccontextmanager
async def echo(ended: asyncio.Event) -> AsyncIterator[int]:
    """The port of a server that repeats each line. Sets `ended` at the end of a session."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()
        ended.set()

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@asynccontextmanager
async def client_of(proxy: Proxy) -> AsyncIterator[Ask]:
    reader, writer = await asyncio.open_connection(*proxy.address.split(":"))

    async def ask() -> bytes:
        writer.write(b"hello\n")
        return await reader.readline()

    yield ask
    writer.close()


async def test_a_cut_link_swallows_packets_and_delivers_them_late() -> None:
    (port,) = free_ports(1)
    async with echo(asyncio.Event()) as to_port, Proxy(port, to_port=to_port) as proxy, client_of(proxy) as ask:
        assert await ask() == b"hello\n"
        proxy.become_silent()
        asking = asyncio.create_task(ask())
        async with client_of(proxy) as other:
            asking_anew = asyncio.create_task(other())
            answered, _ = await asyncio.wait((asking, asking_anew), timeout=0.2)
            assert not answered
            await proxy.heal()
            assert await asking == await asking_anew == b"hello\n"


async def test_a_link_that_forgets_carries_only_new_connections() -> None:
    (port,), ended = free_ports(1), asyncio.Event()
    async with echo(ended) as to_port, Proxy(port, to_port=to_port) as proxy, client_of(proxy) as ask:
        assert await ask() == b"hello\n"
        proxy.become_silent()
        asking = asyncio.create_task(ask())
        await proxy.forget()
        await ended.wait()  # the server's keepalives have ended the session
        async with client_of(proxy) as other:
            assert await other() == b"hello\n"
        assert not asking.done()
        asking.cancel()


async def test_a_server_that_is_down_is_refused_through_the_link() -> None:
    port, to_port = free_ports(2)
    async with Proxy(port, to_port=to_port) as proxy, client_of(proxy) as ask:
        with suppress(ConnectionError):
            assert await ask() == b""


async def test_a_slow_disk_delays_every_commit_until_it_ends(own_postgres: DatabaseServer) -> None:
    async def settings() -> list[str]:
        async with connected(own_postgres.admin_dsn) as admin:
            return [await admin.fetchval(f"show {name}") for name in ("commit_delay", "commit_siblings", "fsync")]

    usual = await settings()
    await slow_commits(own_postgres.admin_dsn)
    assert await settings() == ["100000", "0", "on"]
    await fast_commits(own_postgres.admin_dsn)
    assert await settings() == usual


async def test_the_clock_of_a_process_jumps_while_it_runs(tmp_path: Path) -> None:
    clock = MovableClock(file=tmp_path / "clock")
    environment = {**inherited(), shifted.VARIABLE: str(tmp_path / "clock")}
    words = [sys.executable, "-m", shifted.__name__, "tests.fixtures.waiting", "ids"]
    for offset in (0.0, 7200.0, -7200.0):
        (tmp_path / "clock").write_text(str(offset))
        process = Child(words, log=tmp_path / f"{offset}.log", environment=environment, directory=CHECKOUT)
        await process.start()
        assert await process.wait() == 0
        created = UUID((tmp_path / f"{offset}.log").read_text().split()[0])
        jumped = datetime.fromtimestamp((created.int >> 80) / 1000, UTC) - datetime.now(UTC)
        assert abs(jumped.total_seconds() - offset) < 60
    assert clock.offset.total_seconds() == -7200


def test_every_process_of_a_service_has_a_clock_that_can_jump(tmp_path: Path) -> None:
    addresses = Addresses(9000)
    planned = components(Links(addresses), addresses, tmp_path)
    give_movable_clocks(planned.values(), tmp_path)
    for name in PROCESSES:
        part = planned[name].part
        assert isinstance(part, PythonServer)
        assert part.module[0] == shifted.__name__
        assert part.environment[shifted.VARIABLE] == str(tmp_path / f"{name}.clock")
