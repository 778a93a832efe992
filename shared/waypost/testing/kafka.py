"""A real broker for tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from waypost.native.configuration.kafka import Listener
from waypost.native.kafka import Kafka
from waypost.native.ports import free_ports
from waypost.testing.backend import Backend, chosen_backend

PROXIED = "PROXIED"


class Broker(Protocol):
    """A broker under test, native or in a container. Its data and its address survive stop, kill
    and a new start.
    """

    @property
    def bootstrap(self) -> str: ...
    async def start(self) -> None: ...
    async def is_reachable(self) -> bool: ...
    async def stop(self, deadline_seconds: float = ...) -> None: ...
    async def kill(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


@asynccontextmanager
async def running_kafka(folder: Path, proxied: Listener | None = None) -> AsyncIterator[Broker]:
    """Runs a broker on the chosen backend. `proxied` is a second listener, for clients behind a
    proxy.
    """
    if chosen_backend() is Backend.CONTAINERS:
        async with kafka_container(proxied) as broker:
            yield broker
        return
    port, controller_port = free_ports(2)
    further = {PROXIED: proxied} if proxied else None
    native = Kafka(folder / "kafka", port=port, controller_port=controller_port, further=further)
    try:
        await native.start()
        yield native
    finally:
        await native.stop()


@asynccontextmanager
async def kafka_container(proxied: Listener | None = None) -> AsyncIterator[Broker]:
    from waypost.testing.containers import ContainerKafka  # the native backend does not need the Docker client

    broker = ContainerKafka(proxied)
    try:
        await broker.start()
        yield broker
    finally:
        await broker.remove()
