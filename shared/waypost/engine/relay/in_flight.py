"""Rows that are read and not deleted yet."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from waypost.ports.outbox import PendingRow


class InFlight:
    """Rows in flight, by id, with their shards."""

    def __init__(self) -> None:
        self._shard_of: dict[int, int] = {}
        self._reading: Collection[int] = ()

    @property
    def ids(self) -> Collection[int]:
        return self._shard_of.keys()

    @property
    def shards(self) -> set[int]:
        """Shards of these rows and of a running read."""
        return {*self._shard_of.values(), *self._reading}

    @contextmanager
    def reading(self, shards: Collection[int]) -> Iterator[None]:
        """Counts these shards as in flight while a statement reads them, so that they are not
        released before its rows are added.
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
