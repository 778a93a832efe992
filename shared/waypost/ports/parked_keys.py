"""The keys that wait behind a dead letter: which are parked, and when each is retried."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Protocol

from waypost.ports.dead_letters import ParkedKey


class ParkedKeys(Protocol):
    """The parked keys of one consumer, inside one open transaction."""

    async def parked(self, topic: str, keys: Iterable[bytes]) -> frozenset[bytes]:
        """The keys that are parked. They stay parked until the transaction ends: a retry of them
        waits, or is waited for.
        """
        ...

    async def park(self, topic: str, keys: Iterable[bytes], *, awaits_version: bool = False) -> None:
        """Parks the keys: later events of them become dead letters. A key that is parked stays so.
        A new one is due at once; with `awaits_version`, as after `await_version`.
        """
        ...

    async def schedule(self, topic: str, keys: Iterable[bytes]) -> None:
        """Makes each parked key due when its first open dead letter is; at once if that one was
        never attempted, or if none is left; in a day if it is dead.

        `begin`, `undo_attempt`, `update` and `discard` of `DeadLetters` do this for the key of
        their dead letter; `insert` does not.
        """
        ...

    async def await_version(self, parked: ParkedKey) -> None:
        """Postpones a key whose first dead letter waits for a missing version. The consumer that
        handles this version calls `schedule`. If that is lost, the key becomes due nevertheless: a
        minute after it was parked, then after twice the time, and each day.
        """
        ...

    async def end_pauses(self) -> None:
        """Makes all keys that wait due at once, except those whose first dead letter is dead."""
        ...

    async def due(self, limit: int) -> Sequence[ParkedKey]:
        """Parked keys that are due; the longest due first, and keys that have waited after the
        others.
        """
        ...

    async def due_in(self) -> timedelta | None:
        """The time until the next key becomes due; None if no key will."""
        ...

    async def lock(self, parked: ParkedKey, *, wait: bool = False) -> bool:
        """Locks the key for this transaction; must be the first statement.

        False if the key is not parked or another transaction holds the lock. With `wait`, waits for
        the other transaction.
        """
        ...

    async def unpark(self, parked: ParkedKey) -> None:
        """Unparks the key: later events are handled normally. A key that has a deferral stays, and
        is due later. The caller must hold its lock.
        """
        ...
