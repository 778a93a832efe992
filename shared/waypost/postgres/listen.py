"""Rings across processes: NOTIFY on the way out, LISTEN on the way in, each on a session of its own."""

import asyncio
from collections.abc import Callable, Collection, Sequence

import asyncpg
import structlog

from waypost.kernel.backoff import Backoff
from waypost.ports.doorbell import Channel
from waypost.postgres.direct import close_directly, connect_directly
from waypost.postgres.failures import as_transient, is_transient

log = structlog.get_logger()

PAUSES = Backoff(first_seconds=0.05, factor=2.0, most_seconds=5.0)

_NOTIFY = "select pg_notify(channel, '') from unnest($1::text[]) as channel"


class PostgresNotifier:
    """`waypost.ports.doorbell.Notifier` on one autocommit session, opened when it is first needed and again after a loss."""

    def __init__(self, dsn: str, *, application_name: str) -> None:
        self._dsn = dsn
        self._application_name = application_name
        self._connection: asyncpg.Connection | None = None

    async def notify(self, channels: Collection[Channel]) -> None:
        if not channels:
            return
        with as_transient():
            if self._connection is None or self._connection.is_closed():
                self._connection = await connect_directly(
                    self._dsn,
                    application_name=self._application_name,
                    synchronous_commit="off",  # a ring that a crash forgets is no loss, and it need not wait for the disk
                )
            await self._connection.execute(_NOTIFY, list(channels))

    async def close(self) -> None:
        if self._connection is not None:
            await close_directly(self._connection)


class PostgresListener:
    """Wakes this process when another one rings. After each new connection it wakes every channel: rings may have been missed."""

    name = "listener"

    def __init__(
        self, dsn: str, channels: Sequence[Channel], wake: Callable[[Channel], None], *, application_name: str
    ) -> None:
        self.ready = asyncio.Event()
        self._dsn = dsn
        self._channels = channels
        self._wake = wake
        self._application_name = application_name
        self._listening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._listening = asyncio.create_task(self._listen_on(), name=self.name)

    async def drain(self, deadline_seconds: float) -> None:
        """Nothing to end: a ring that is not heard any more is heard by the others."""

    async def stop(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait({self._listening})
            self._listening = None

    async def _listen_on(self) -> None:
        failures = 0
        while True:
            try:
                await self._listen_once()
                failures = 0
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("listener_disconnected", error=str(error))
            self.ready.clear()
            failures += 1
            await asyncio.sleep(PAUSES.seconds(failures))

    async def _listen_once(self) -> None:
        """Until the connection ends, which the driver tells by a callback and in no other way."""
        ended = asyncio.Event()
        connection = await connect_directly(self._dsn, application_name=self._application_name)
        try:
            connection.add_termination_listener(lambda _: ended.set())
            for channel in self._channels:
                await connection.add_listener(channel, self._heard)
            for channel in self._channels:
                self._wake(channel)
            self.ready.set()
            await ended.wait()
        finally:
            await close_directly(connection)

    def _heard(self, _connection: object, _pid: int, channel: str, _payload: object) -> None:
        for mine in self._channels:
            if mine == channel:
                self._wake(mine)
