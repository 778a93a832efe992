"""Wake-ups between processes by NOTIFY and LISTEN, each on its own session."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Sequence

import asyncpg

from waypost.kernel.errors import Transient
from waypost.ports.wakeups import Channel
from waypost.postgres.direct import close_directly, connect_directly
from waypost.postgres.failures import as_transient

HEARTBEAT_SECONDS = 10.0
ANSWER_SECONDS = 2.0
"""Time limit of a notification. A connection whose packets are lost reports no error."""

_NOTIFY = "select pg_notify(channel, '') from unnest($1::text[]) as channel"


class PostgresNotifier:
    """`waypost.ports.wakeups.Notifier` on one autocommit session, which is opened at first use and
    after an error.
    """

    def __init__(self, dsn: str, *, application_name: str, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._dsn = dsn
        self._application_name = application_name
        self._answer_seconds = answer_seconds
        self._connection: asyncpg.Connection | None = None

    async def notify(self, channels: Collection[Channel]) -> None:
        if not channels:
            return
        with as_transient():
            if self._connection is None or self._connection.is_closed():
                self._connection = await connect_directly(
                    self._dsn,
                    application_name=self._application_name,
                    synchronous_commit="off",  # a lost wake-up is harmless, so the commit does not wait for the disk
                )
            try:
                await self._connection.execute(_NOTIFY, list(channels), timeout=self._answer_seconds)
            except BaseException:
                self._connection.terminate()  # the driver would wait for the server to confirm a cancellation
                raise

    async def close(self) -> None:
        if self._connection is not None:
            await close_directly(self._connection)


class PostgresListener:
    """`waypost.ports.wakeups.Listener` on its own session."""

    def __init__(
        self,
        dsn: str,
        channels: Sequence[Channel],
        wake: Callable[[Channel], None],
        *,
        application_name: str,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        """`heartbeat_seconds` is the pause between queries that check the connection, and their
        time limit.
        """
        self._dsn = dsn
        self._channels = channels
        self._wake = wake
        self._application_name = application_name
        self._heartbeat_seconds = heartbeat_seconds

    async def listen(self, listening: asyncio.Event) -> None:
        """Listens until the connection ends or does not answer. The driver reports an end only by a
        callback, and a connection whose packets are lost not at all. Raises Transient.
        """
        ended = asyncio.Event()
        with as_transient():
            connection = await connect_directly(self._dsn, application_name=self._application_name)
            try:
                connection.add_termination_listener(lambda _: ended.set())
                for channel in self._channels:
                    await connection.add_listener(channel, self._notified)
                for channel in self._channels:
                    self._wake(channel)
                listening.set()
                while not ended.is_set():
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self._heartbeat_seconds):
                            await ended.wait()
                            break
                    await connection.execute("select 1", timeout=self._heartbeat_seconds)
            finally:
                await close_directly(connection)
        raise Transient("the listener lost its connection")

    def _notified(self, _connection: object, _pid: int, channel: str, _payload: object) -> None:
        for known in self._channels:
            if known == channel:
                self._wake(known)
