"""State is a fold of stored events. An aggregate decides, records events, and changes only in
`apply`.
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Self
from uuid import UUID

from waypost.kernel.errors import ConcurrencyConflict
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId


class Aggregate:
    """Base of the aggregates. Subclasses define `aggregate_type`, set defaults in `__init__`, and
    change state in `apply` only.

    `version` counts all applied events, recorded ones included; the store appends after
    `stored_version`.
    """

    aggregate_type: ClassVar[str]

    def __init__(self, id: UUID, tenant_id: TenantId) -> None:  # noqa: A002 - an aggregate's id is its id
        self.id = id
        self.tenant_id = tenant_id
        self.version = 0
        self._recorded: list[Event] = []

    @classmethod
    def fold(cls, id: UUID, tenant_id: TenantId, history: Iterable[Event]) -> Self:  # noqa: A002
        """The aggregate after these events, oldest first."""
        aggregate = cls(id, tenant_id)
        for event in history:
            aggregate._advance(event)
        return aggregate

    @property
    def person_id(self) -> UUID:
        """The person whose key encrypts the personal data of this aggregate's events: the aggregate
        itself, unless a subclass names another one.
        """
        return self.id

    @property
    def recorded(self) -> Sequence[Event]:
        """Recorded events that are not stored yet, in order."""
        return tuple(self._recorded)

    @property
    def stored_version(self) -> int:
        """The version of the last stored event."""
        return self.version - len(self._recorded)

    def expect(self, version: int | None) -> None:
        """Checks the version that the caller has read; None accepts any. Raises ConcurrencyConflict
        if another one is current.
        """
        if version is not None and version != self.version:
            raise ConcurrencyConflict(self.aggregate_type, self.id, version)

    def record(self, event: Event) -> None:
        """Records an event and applies it. Callers check all rules before: `apply` never
        refuses.
        """
        self._recorded.append(event)
        self._advance(event)

    def mark_stored(self) -> None:
        """Forgets the recorded events. The unit of work calls it after it has stored them."""
        self._recorded.clear()

    def apply(self, event: Event) -> None:
        """Changes state by one event; must accept every stored event."""
        raise NotImplementedError

    def _advance(self, event: Event) -> None:
        self.apply(event)
        self.version += 1
