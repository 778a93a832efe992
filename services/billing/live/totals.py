"""What the tables hold. Each entry says for itself which records it knows, so that none is counted
twice after a crash.

Faust writes every entry to a changelog on its own, and commits what it has read later: a process
that is killed comes back with some entries ahead of others, all of them ahead of where it reads on.
Of a partition's records an entry holds those up to one offset, all of them, and none beyond.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from services.billing.live.movements import Kind, Movement


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Of one window."""

    paid_minor: int = 0
    failed_minor: int = 0
    refunded_minor: int = 0
    paid_count: int = 0
    failed_count: int = 0
    refunded_count: int = 0
    through: int = -1
    """Offset of the last record in it."""

    @property
    def revision(self) -> int:
        return self.paid_count + self.failed_count + self.refunded_count

    def after(self, movement: Movement, offset: int) -> Self:
        """With the movement in it. The same where the record at this offset is in it already."""
        if offset <= self.through:
            return self
        amount, so_far = movement.amount_minor, replace(self, through=offset)
        match movement.kind:
            case Kind.PAID:
                return replace(so_far, paid_minor=self.paid_minor + amount, paid_count=self.paid_count + 1)
            case Kind.FAILED:
                return replace(so_far, failed_minor=self.failed_minor + amount, failed_count=self.failed_count + 1)
            case Kind.REFUNDED:
                return replace(
                    so_far, refunded_minor=self.refunded_minor + amount, refunded_count=self.refunded_count + 1
                )

    def stored(self) -> Mapping[str, int]:
        return asdict(self)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        return cls(**stored)


@dataclass(frozen=True, slots=True)
class SeenVersions:
    """Of one invoice: at which offset each of its versions was first read. The same version
    anywhere else is a duplicate.
    """

    first_offsets: Mapping[str, int]

    def adding(self, version: int, offset: int) -> Self:
        return self if str(version) in self.first_offsets else type(self)({**self.first_offsets, str(version): offset})

    def is_duplicate(self, version: int, offset: int) -> bool:
        """True for a record that repeats another; not for the very same record, which a crash lets
        us read again.
        """
        return self.first_offsets.get(str(version), offset) != offset
