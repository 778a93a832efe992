"""The rows of one table as an open transaction sees them."""

from collections.abc import Hashable, Iterator, MutableMapping
from typing import Any, Protocol, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

Row = tuple[str, Hashable]
"""Table and key."""

_DELETED: Any = object()


class Locks(Protocol):
    def try_lock(self, row: Row) -> bool: ...

    async def lock(self, row: Row) -> None: ...


class Rows(MutableMapping[K, V]):
    """Committed rows below the transaction's own changes. The caller locks a row before it changes
    it.
    """

    __slots__ = ("_changed", "_locks", "_name", "_stored")

    def __init__(self, name: str, stored: dict[K, V], locks: Locks) -> None:
        self._name = name
        self._stored = stored
        self._changed: dict[K, V] = {}
        self._locks = locks

    @property
    def is_changed(self) -> bool:
        return bool(self._changed)

    async def lock(self, key: Hashable) -> None:
        """Locks a row, or a unique key whose row may not exist. Raises Transient for a deadlock."""
        await self._locks.lock((self._name, key))

    def try_lock(self, key: Hashable) -> bool:
        """`for update skip locked`."""
        return self._locks.try_lock((self._name, key))

    def store(self) -> None:
        """Applies the changes to the committed rows."""
        for key, value in self._changed.items():
            if value is _DELETED:
                self._stored.pop(key, None)
            else:
                self._stored[key] = value

    def __getitem__(self, key: K) -> V:
        value = self._changed[key] if key in self._changed else self._stored[key]
        if value is _DELETED:
            raise KeyError(key)
        return value

    def __setitem__(self, key: K, value: V) -> None:
        self._changed[key] = value

    def __delitem__(self, key: K) -> None:
        self[key] = _DELETED

    def __iter__(self) -> Iterator[K]:
        unchanged = (key for key in self._stored if self._changed.get(key) is not _DELETED)
        new = (key for key, value in self._changed.items() if key not in self._stored and value is not _DELETED)
        yield from (*unchanged, *new)

    def __len__(self) -> int:
        return sum(1 for _ in self)
