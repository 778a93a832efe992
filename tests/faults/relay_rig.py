"""Relays in real processes between a real outbox and a real broker, and the checks after every
fault.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import cast

import asyncpg

from tests.fixtures.forked import ForkedProgram
from tests.fixtures.outbox import NewRow, pending, write
from waypost.engine.failpoints import VARIABLE
from waypost.native.child import Child
from waypost.postgres.outbox.lease import SHARD_LOCK
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.database import connected
from waypost.testing.eventually import eventually
from waypost.testing.topics import read_topic

REPOSITORY = Path(__file__).parents[2]

_HELD = """
select count(*) from pg_locks
where locktype = 'advisory' and classid = $1 and granted
  and database = (select oid from pg_database where datname = current_database())"""


_RELAYS = """
select count(*) from pg_stat_activity where datname = current_database() and application_name = 'waypost-relay'"""


_LAST_READ = """
select max(state_change) from pg_stat_activity
where datname = current_database() and application_name = 'waypost-relay-reading'"""


@dataclass(slots=True, kw_only=True)
class Rig:
    database: ServiceDatabase
    bootstrap: str
    topic: str
    owner: asyncpg.Connection
    logs: Path
    written: dict[str, list[bytes]] = field(default_factory=dict)
    """Per key, every committed value, in commit order."""
    relays: list[Child] = field(default_factory=list)

    async def start_relay(self, *, failpoints: str = "") -> Child:
        """Starts a relay; `until_holding` waits until it works."""
        environment = {
            **os.environ,
            "OUTBOX_DSN": self.database.relay,
            "BOOTSTRAP": self.bootstrap,
            VARIABLE: failpoints,
        }
        log = self.logs / f"relay-{len(self.relays)}.log"
        relay = ForkedProgram("tests.faults.relay_process", log=log, environment=environment)
        self.relays.append(relay)
        await relay.start()
        return relay

    async def write(self, key: str, value: bytes, *, connection: asyncpg.Connection | None = None) -> None:
        """Commits immediately, unless the given connection is in a transaction."""
        await write(connection or self.owner, NewRow(topic=self.topic, key=key.encode(), payload=value))
        self.written.setdefault(key, []).append(value)

    async def write_versions(self, keys: Sequence[str], versions: range) -> None:
        for version in versions:
            for key in keys:
                await self.write(key, str(version).encode())

    async def until_holding(self, shards: int = 16) -> None:
        await eventually(lambda: self._holds(shards), deadline_seconds=20)

    async def until_relays(self, live: int) -> None:
        """Waits until this many relays have a session that can hold shards."""
        await eventually(lambda: self._are_live(live), deadline_seconds=20)

    async def last_read(self) -> datetime:
        """When a relay's last read of the heads ended."""
        async with connected(self.database.relay) as same_role:  # other roles cannot see what a session runs
            return cast(datetime, await same_role.fetchval(_LAST_READ))

    async def until_read_since(self, moment: datetime) -> None:
        async def has_read() -> bool:
            return await self.last_read() > moment

        await eventually(has_read, deadline_seconds=20)

    async def until_drained(self, deadline_seconds: float = 30) -> None:
        await eventually(self._is_drained, deadline_seconds=deadline_seconds)

    async def assert_nothing_lost_and_in_order(self) -> None:
        """I1 and I4: per key, the values at their first appearance are exactly the committed ones,
        in order.
        """
        assert await self.first_appearances() == self.written

    async def first_appearances(self) -> Mapping[str, list[bytes]]:
        seen: dict[str, dict[bytes, None]] = {}
        for record in await read_topic(self.bootstrap, self.topic):
            seen.setdefault(record.key.decode(), {})[record.value] = None
        return {key: list(values) for key, values in seen.items()}

    async def duplicates(self) -> int:
        records = await read_topic(self.bootstrap, self.topic)
        return len(records) - len({(record.key, record.value) for record in records})

    async def _holds(self, shards: int) -> bool:
        return bool(await self.owner.fetchval(_HELD, SHARD_LOCK) == shards)

    async def _are_live(self, relays: int) -> bool:
        return bool(await self.owner.fetchval(_RELAYS) == relays)

    async def _is_drained(self) -> bool:
        return await pending(self.owner) == 0


@asynccontextmanager
async def rigged(database: ServiceDatabase, bootstrap: str, topic: str, logs: Path) -> AsyncIterator[Rig]:
    async with connected(database.owner) as owner:
        rig = Rig(database=database, bootstrap=bootstrap, topic=topic, owner=owner, logs=logs)
        try:
            yield rig
        finally:
            await asyncio.gather(*(relay.kill() for relay in rig.relays))
