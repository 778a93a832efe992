"""The status of a user, derived from their events."""

from enum import StrEnum
from typing import Self


class UserStatus(StrEnum):
    UNVERIFIED = "unverified"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    ERASED = "erased"

    @classmethod
    def of(cls, *, verified: bool, suspended: bool, erased: bool = False) -> Self:
        if erased:
            return cls.ERASED
        if suspended:
            return cls.SUSPENDED
        return cls.ACTIVE if verified else cls.UNVERIFIED
