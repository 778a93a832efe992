"""The entries of the tables. Each entry records its last offset, so that no record is counted twice
after a crash.

Faust writes each entry to a changelog independently, and commits its read position later. A killed
process restarts with some entries ahead of others, all of them at or ahead of its read position. An
entry contains all of a partition's records up to its offset, and none after it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from services.billing.live.movements import MoneyMovement, MovementKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The totals of one window."""

    paid_minor: int = 0
    failed_minor: int = 0
    refunded_minor: int = 0
    paid_count: int = 0
    failed_count: int = 0
    refunded_count: int = 0
    through: int = -1
    """Offset of the last record included."""

    @property
    def revision(self) -> int:
        return self.paid_count + self.failed_count + self.refunded_count

    def after(self, movement: MoneyMovement, offset: int) -> Self:
        """The totals with the movement added, or the same totals if the record at this offset is
        already included.
        """
        if offset <= self.through:
            return self
        amount, so_far = movement.amount_minor, replace(self, through=offset)
        match movement.kind:
            case MovementKind.PAID:
                return replace(so_far, paid_minor=self.paid_minor + amount, paid_count=self.paid_count + 1)
            case MovementKind.FAILED:
                return replace(so_far, failed_minor=self.failed_minor + amount, failed_count=self.failed_count + 1)
            case MovementKind.REFUNDED:
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
    """The versions of one invoice, each with the offset at which it was first read. The same
    version at another offset is a duplicate.
    """

    first_offsets: Mapping[str, int]

    def adding(self, version: int, offset: int) -> Self:
        return self if str(version) in self.first_offsets else type(self)({**self.first_offsets, str(version): offset})

    def is_duplicate(self, version: int, offset: int) -> bool:
        """True for a copy of an earlier record; False for the same record, read again after a
        crash.
        """
        return self.first_offsets.get(str(version), offset) != offset
