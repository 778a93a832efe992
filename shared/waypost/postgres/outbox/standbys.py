"""Holds back events that the promotion of a standby could undo: their records would be on Kafka,
and the new primary would write other events under the same versions.

A slot's `restart_lsn` is the position that its standby has on disk.
"""

import asyncio
import time
from collections.abc import Sequence

import asyncpg
import structlog

from waypost.kernel.errors import Transient

log = structlog.get_logger()

CONFIRMATION_SECONDS = 10.0
SETTING_SECONDS = 5.0
"""Age of the setting at which it is read again: an operator may add a standby at any time."""
SHORTEST_PAUSE_SECONDS = 0.001
LONGEST_PAUSE_SECONDS = 0.1

_AWAITED = """
select array(
    select trim(slot) from string_to_table(current_setting('synchronized_standby_slots'), ',') as listed (slot)
    where trim(slot) <> ''
)"""

_NOT_AWAITED = (
    "select array(select slot_name::text from pg_replication_slots where slot_type = 'physical' and not temporary)"
)

# A commit is visible after its flush, so the position is not before the commits that an earlier
# statement of this session has seen. The insert position may wait for a flush that never comes.
_FLUSHED = "select pg_current_wal_flush_lsn()::text"

_BEHIND = """
select array(
    select slot from unnest($1::text[]) as awaited (slot) left join pg_replication_slots on slot_name = slot
    where restart_lsn is null or restart_lsn < $2::text::pg_lsn
)"""


class Standbys:
    """The standbys that must have an event before it is published."""

    def __init__(self, session: asyncpg.Connection) -> None:
        self._session = session
        self._slots: list[str] = []
        self._read_at = float("-inf")

    @classmethod
    async def of(cls, session: asyncpg.Connection) -> "Standbys":
        """Warns about standbys that are not awaited."""
        standbys = cls(session)
        if not await standbys._awaited() and (others := await session.fetchval(_NOT_AWAITED)):
            log.warning("standbys_not_awaited", slots=others)
        return standbys

    async def until_confirmed(self) -> None:
        """Returns when every awaited standby has on disk what this session has read. Raises
        Transient after 10 s.
        """
        slots = await self._awaited()
        if not slots:
            return
        position = await self._session.fetchval(_FLUSHED)
        behind, pause = slots, SHORTEST_PAUSE_SECONDS
        try:
            async with asyncio.timeout(CONFIRMATION_SECONDS):
                while behind := await self._session.fetchval(_BEHIND, slots, position):
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        except TimeoutError as error:
            raise Transient(
                f"the standbys of {', '.join(behind)} have not confirmed the events within {CONFIRMATION_SECONDS:g} s:"
                " start them, or remove them from synchronized_standby_slots"
            ) from error

    async def _awaited(self) -> Sequence[str]:
        if time.monotonic() - self._read_at > SETTING_SECONDS:
            self._slots = await self._session.fetchval(_AWAITED)
            self._read_at = time.monotonic()
        return self._slots
