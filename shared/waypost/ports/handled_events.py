"""Which events the consumers of a service have handled."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import NamedTuple, Protocol

from waypost.kernel.ids import EventId, TenantId


class Awaited(NamedTuple):
    """An event that a consumer is expected to handle."""

    consumer: str
    """Its full name, `<service>.<consumer>`."""
    event_id: EventId
    tenant_id: TenantId
    """An event of another tenant counts as one that has not arrived."""


class Handling(StrEnum):
    HANDLED = "handled"
    """Its effects are committed, or an operator has decided that it has none."""
    DEAD = "dead"
    """It failed, and no attempt follows without an operator."""


class HandledEvents(Protocol):
    async def handling(self, awaited: Collection[Awaited]) -> Mapping[Awaited, Handling]:
        """How the consumers have handled the events. Omits events that have not arrived, or wait
        for another attempt. Raises Transient.
        """
        ...


class NoHandledEvents:
    """`HandledEvents` of an API without a database."""

    async def handling(self, awaited: Collection[Awaited]) -> Mapping[Awaited, Handling]:
        return {}
