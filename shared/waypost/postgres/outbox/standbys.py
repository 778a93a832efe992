"""Holds back events that the promotion of a standby could undo: their records would be on Kafka,
and the new primary would write other events under the same versions.

A slot's `restart_lsn` is the position that its standby has on disk.
"""

import asyncio

import asyncpg
import structlog

from waypost.kernel.errors import Transient

log = structlog.get_logger()

CONFIRMATION_SECONDS = 10.0
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

# The position is not before the commits that an earlier statement of this session has seen.
_WRITTEN = "select pg_current_wal_insert_lsn()::text"

_BEHIND = """
select array(
    select slot from unnest($1::text[]) as awaited (slot) left join pg_replication_slots on slot_name = slot
    where restart_lsn is null or restart_lsn < $2::text::pg_lsn
)"""


class Standbys:
    """The standbys that must have an event before it is published."""

    def __init__(self, session: asyncpg.Connection, slots: list[str]) -> None:
        self._session = session
        self._slots = slots

    @classmethod
    async def of(cls, session: asyncpg.Connection) -> "Standbys":
        """Reads the slots from the server's configuration. Warns about standbys that are not
        awaited.
        """
        slots: list[str] = await session.fetchval(_AWAITED)
        if not slots and (others := await session.fetchval(_NOT_AWAITED)):
            log.warning("standbys_not_awaited", slots=others)
        return cls(session, slots)

    async def until_confirmed(self) -> None:
        """Returns when every awaited standby has on disk what this session has read. Raises
        Transient after 10 s.
        """
        if not self._slots:
            return
        position = await self._session.fetchval(_WRITTEN)
        behind, pause = self._slots, SHORTEST_PAUSE_SECONDS
        try:
            async with asyncio.timeout(CONFIRMATION_SECONDS):
                while behind := await self._session.fetchval(_BEHIND, self._slots, position):
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        except TimeoutError as error:
            raise Transient(
                f"the standbys of {', '.join(behind)} have not confirmed the events within {CONFIRMATION_SECONDS:g} s:"
                " start them, or remove them from synchronized_standby_slots"
            ) from error
