"""Roles of a user in a tenant; each includes the rights of the roles before it."""

from collections.abc import Sequence
from enum import StrEnum


class Role(StrEnum):
    MEMBER = "member"
    ADMIN = "admin"
    OWNER = "owner"

    def covers(self, needed: "Role") -> bool:
        """Whether this role includes the rights of `needed`."""
        return self in needed.covering_roles

    @property
    def covering_roles(self) -> Sequence["Role"]:
        """This role and the higher ones."""
        return _RANKS[_RANKS.index(self) :]


_RANKS = tuple(Role)
