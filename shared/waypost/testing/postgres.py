"""A real PostgreSQL for tests."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from waypost.native.ports import free_ports
from waypost.native.postgres import Postgres
from waypost.testing.backend import Backend, chosen_backend

MAX_CONNECTIONS = 200


class DatabaseServer(Protocol):
    """A server under test, native or in a container. Its data and its address survive stop, kill
    and a new start.
    """

    @property
    def admin_dsn(self) -> str: ...
    async def start(self) -> None: ...
    async def is_reachable(self) -> bool: ...
    async def stop(self, deadline_seconds: float = ...) -> None: ...
    async def stop_immediately(self) -> None: ...
    async def kill(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


@asynccontextmanager
async def running_postgres(
    folder: Path, *, max_connections: int = MAX_CONNECTIONS, durable: bool = True
) -> AsyncIterator[DatabaseServer]:
    """Runs a server on the chosen backend. Without `durable` it writes to no disk, so a new
    database for each test is cheap.
    """
    if chosen_backend() is Backend.CONTAINERS:
        async with postgres_container(max_connections=max_connections, durable=durable) as server:
            yield server
        return
    (port,) = free_ports(1)
    password = secrets.token_urlsafe(24)
    native = Postgres(
        folder / "postgres", port=port, password=password, max_connections=max_connections, durable=durable
    )
    try:
        await native.start()
        yield native
    finally:
        await native.stop()


@asynccontextmanager
async def postgres_container(
    *, max_connections: int = MAX_CONNECTIONS, durable: bool = True
) -> AsyncIterator[DatabaseServer]:
    from waypost.testing.containers import ContainerPostgres  # the native backend does not need the Docker client

    server = ContainerPostgres(max_connections=max_connections, durable=durable)
    try:
        await server.start()
        yield server
    finally:
        await server.remove()
