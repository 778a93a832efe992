"""Which rows are in hand: read, and not yet deleted."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from waypost.ports.outbox import PendingRow


class InFlight:
    def __init__(self) -> None:
        self._shard_of: dict[int, int] = {}
        self._reading: Collection[int] = ()

    @property
    def ids(self) -> Collection[int]:
        return self._shard_of.keys()

    @property
    def shards(self) -> set[int]:
        """Shards that rows in hand, or a read that is going on, belong to."""
        return {*self._shard_of.values(), *self._reading}

    @contextmanager
    def reading(self, shards: Collection[int]) -> Iterator[None]:
        """Counts these shards as in hand while a statement reads them: what it finds was not
        released meanwhile.
        """
        self._reading = shards
        try:
            yield
        finally:
            self._reading = ()

    def add(self, rows: Iterable[PendingRow]) -> None:
        self._shard_of.update((row.id, row.shard) for row in rows)

    def remove(self, rows: Iterable[PendingRow]) -> None:
        for row in rows:
            del self._shard_of[row.id]
