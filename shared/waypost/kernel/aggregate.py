"""State is a fold of stored events. An aggregate decides, records facts, and changes only in
`apply`.
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Self
from uuid import UUID

from waypost.kernel.errors import ConcurrencyConflict
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId


class Aggregate:
    """Base of the aggregates. Subclasses name `aggregate_type`, set their defaults in `__init__`,
    and change state in `apply` alone.

    `version` counts every event that has been applied, recorded ones included; the store appends
    after `stored_version`.
    """

    aggregate_type: ClassVar[str]

    def __init__(self, id: UUID, tenant_id: TenantId) -> None:  # noqa: A002 - an aggregate's id is its id
        self.id = id
        self.tenant_id = tenant_id
        self.version = 0
        self._recorded: list[Event] = []

    @classmethod
    def fold(cls, id: UUID, tenant_id: TenantId, history: Iterable[Event]) -> Self:  # noqa: A002
        aggregate = cls(id, tenant_id)
        for event in history:
            aggregate._advance(event)
        return aggregate

    @property
    def recorded(self) -> Sequence[Event]:
        """Facts not yet stored, in order."""
        return tuple(self._recorded)

    @property
    def stored_version(self) -> int:
        return self.version - len(self._recorded)

    def expect(self, version: int | None) -> None:
        """Refuses to go on where the caller has seen another version; None expects nothing. Raises
        ConcurrencyConflict.
        """
        if version is not None and version != self.version:
            raise ConcurrencyConflict(self.aggregate_type, self.id, version)

    def record(self, event: Event) -> None:
        """Adds a fact and applies it. Whatever may forbid it was checked before: `apply` never
        refuses.
        """
        self._recorded.append(event)
        self._advance(event)

    def settle(self) -> None:
        """Called by the unit of work once the recorded facts are in the store."""
        self._recorded.clear()

    def apply(self, event: Event) -> None:
        raise NotImplementedError

    def _advance(self, event: Event) -> None:
        self.apply(event)
        self.version += 1
