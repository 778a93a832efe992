"""The dead letters of a key in the order in which they are attempted, in memory."""

from collections.abc import Collection, Sequence

from waypost.memory.database import OpenTables
from waypost.ports.dead_letters import VERSION_CONFLICT, DeadLetter, DeadLetterStatus, ParkedKey


def dead_letters_of(tables: OpenTables, consumer: str) -> Sequence[DeadLetter]:
    """The dead letters of one consumer, settled ones included."""
    return [dead_letter for owner, dead_letter in tables.dead_letters.values() if owner == consumer]


def in_key_order(
    tables: OpenTables, consumer: str, key: ParkedKey, statuses: Collection[DeadLetterStatus]
) -> Sequence[DeadLetter]:
    """The dead letters of the key with these statuses, in order."""
    dead_letters = [
        dead_letter
        for dead_letter in dead_letters_of(tables, consumer)
        if (dead_letter.record.topic, dead_letter.key) == (key.topic, key.key)
        and dead_letter.status in statuses
        and is_in_key_order(dead_letter)
    ]
    return sorted(dead_letters, key=lambda dead_letter: (dead_letter.sequence or 0, dead_letter.record.offset))


def is_in_key_order(dead_letter: DeadLetter) -> bool:
    """False for a record without valid headers and for a version conflict."""
    conflicts = dead_letter.failure is not None and dead_letter.failure.error_class == VERSION_CONFLICT
    return dead_letter.type is not None and not conflicts
