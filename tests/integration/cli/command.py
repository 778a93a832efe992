"""The command as an operator runs it, on a stack that holds the users service's database and a
broker.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from schemas.users import UserCreated
from tests.fixtures.envelopes import user_created_envelope
from tests.fixtures.forked import Finished, finished
from tests.fixtures.outbox import pending
from waypost.engine.relay import Relay
from waypost.engine.wakeups import LocalWakeups
from waypost.kafka.producer import KafkaBroker
from waypost.kernel.envelope import Envelope
from waypost.postgres.database import Database
from waypost.postgres.event_store import NewEvent, PostgresEventStore
from waypost.postgres.outbox import writer as outbox
from waypost.postgres.outbox.lease import PostgresOutbox
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.schemas.application import application_codec
from waypost.testing.database import connected

SECONDS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    users: ServiceDatabase
    bootstrap: str
    folder: Path

    def write_environment(self, zipkin: str) -> None:
        """Like the stack does as it starts."""
        variables = {
            "WAYPOST_OWNER_DSN": self.users.owner,
            "WAYPOST_APP_DSN": self.users.app,
            "WAYPOST_OPS_DSN": self.users.ops,
            "WAYPOST_KAFKA_BOOTSTRAP": self.bootstrap,
            "OTEL_EXPORTER_ZIPKIN_ENDPOINT": f"{zipkin}/api/v2/spans",
        }
        lines = "".join(f"{name}={value}\n" for name, value in variables.items())
        for service in ("billing", "notifications", "users"):
            (self.folder / f"{service}.env").write_text(lines)

    async def waypost(self, *arguments: str) -> Finished:
        return await finished("waypost.cli", *arguments, environment=self._environment)

    @asynccontextmanager
    async def following(self, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """`events tail`, once it stands where it starts."""
        command = (sys.executable, "-m", "waypost.cli", "events", "tail", *arguments)
        process = await asyncio.create_subprocess_exec(*command, env=self._environment, stdout=PIPE, stderr=PIPE)
        assert process.stderr is not None
        try:
            async with asyncio.timeout(SECONDS):
                first = await process.stderr.readline()
            assert first.startswith(b"following"), first
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, "WAYPOST_ENVIRONMENT_DIRECTORY": str(self.folder)}

    async def record(self) -> Envelope[UserCreated]:
        """A new user, as a business transaction leaves it: a row in the store, another in the
        outbox.
        """
        codec, envelope = application_codec(), user_created_envelope()
        events = [NewEvent.of(envelope, codec)]
        database = Database(self.users.app, application_name="cli tests", pool_size=1)
        try:
            async with database.transaction([envelope.tenant_id]) as connection:
                await PostgresEventStore(connection, codec).insert("user", events)
                await outbox.insert(connection, events, datetime.now(UTC))
        finally:
            await database.close()
        return envelope

    async def is_published(self) -> bool:
        """Whether the relay has left nothing."""
        async with connected(self.users.owner) as owner:
            return await pending(owner) == 0

    @asynccontextmanager
    async def relaying(self) -> AsyncIterator[None]:
        relay = Relay(PostgresOutbox(self.users.relay), KafkaBroker(self.bootstrap), LocalWakeups())
        await relay.start()
        try:
            yield
        finally:
            await relay.drain(5)
            await relay.stop()


async def ended_by_control_c(process: asyncio.subprocess.Process) -> int:
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(SECONDS):
        return await process.wait()
