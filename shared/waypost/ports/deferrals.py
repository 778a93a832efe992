"""Records that a consumer leaves on the topic, because their key or their tenant has too many open
dead letters.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from waypost.kernel.ids import TenantId
from waypost.ports.dead_letters import ParkedKey
from waypost.ports.subscription import Partition


class Deferral(NamedTuple):
    """All records of a parked key from an offset on, up to the consumer position. None of them is
    claimed, except the records that were handled or stored out of this order.
    """

    partition: Partition
    from_offset: int
    tenant_id: TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLoad:
    """Numbers of a parked key."""

    dead_letters: int
    """Open ones, counted up to a limit."""
    from_offset: int | None
    """Offset of its deferral, if it has one."""


class Deferrals(Protocol):
    """The deferrals of one consumer, inside one open transaction. The row of the parked key holds
    the deferral: lock the key first.
    """

    async def loads(self, topic: str, keys: Iterable[bytes], at_most: int) -> Mapping[bytes, KeyLoad]:
        """The loads of those keys that are parked; dead letters are counted up to `at_most`."""
        ...

    async def tenant_loads(self, tenants: Iterable[TenantId], at_most: int) -> Mapping[TenantId, int]:
        """The number of open dead letters of each tenant, counted up to `at_most`."""
        ...

    async def defer(self, deferrals: Mapping[bytes, Deferral]) -> None:
        """Stores the deferrals by key. One that begins at a lower offset stays."""
        ...

    async def find(self, parked: ParkedKey) -> Deferral | None:
        """The key's deferral."""
        ...

    async def advance(self, parked: ParkedKey, from_offset: int | None) -> None:
        """Sets the offset after records that were stored; None ends the deferral."""
        ...

    async def restart(self, partition: Partition) -> None:
        """Sets the offset of each deferral in the partition to 0, because the consumer reads the
        partition again from its beginning.
        """
        ...

    async def postpone(self, parked: ParkedKey, seconds: float) -> None:
        """Makes the key due after this time, and after other keys that are due then."""
        ...
