"""A bounded cache of the keys of people, of one process."""

import time
from collections.abc import Callable
from uuid import UUID

from waypost.kernel.ids import TenantId

Person = tuple[TenantId, UUID]

MAX_KEYS = 10_000
MAX_AGE_SECONDS = 60.0
"""How long a process may read with a key that was destroyed meanwhile."""


class KeyCache:
    """Forgets the oldest keys first, and each one after its age."""

    def __init__(
        self,
        *,
        max_keys: int = MAX_KEYS,
        max_age_seconds: float = MAX_AGE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_keys = max_keys
        self._max_age_seconds = max_age_seconds
        self._clock = clock
        self._keys: dict[Person, tuple[float, bytes]] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, person: Person) -> bytes | None:
        """The key, `DESTROYED`, or None if it is not cached."""
        if (found := self._keys.get(person)) is None:
            return None
        expires_at, key = found
        if expires_at <= self._clock():
            del self._keys[person]
            return None
        return key

    def put(self, person: Person, key: bytes) -> None:
        self._keys.pop(person, None)
        while len(self._keys) >= self._max_keys:
            del self._keys[next(iter(self._keys))]
        self._keys[person] = (self._clock() + self._max_age_seconds, key)
