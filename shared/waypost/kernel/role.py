"""Roles of a user in a tenant; each includes the rights of the roles before it."""

from enum import StrEnum


class Role(StrEnum):
    MEMBER = "member"
    ADMIN = "admin"
    OWNER = "owner"

    def covers(self, needed: "Role") -> bool:
        """Whether this role includes the rights of `needed`."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(needed)
