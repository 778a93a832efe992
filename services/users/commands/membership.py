"""Changes of an existing user."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.users.commands.identity import ActingUser
from services.users.domain import User
from waypost.kernel.command import Command
from waypost.kernel.role import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateProfile(Command[User]):
    user_id: UUID
    display_name: str | None = field(default=None, repr=False)
    locale: str | None = None
    actor_id: UUID
    expected_version: int | None
    """The version that the caller has seen (If-Match); None accepts any version."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRole(Command[User]):
    user_id: UUID
    role: Role
    expected_version: int | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendUser(Command[User]):
    user_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactivateUser(Command[User]):
    user_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseUser(Command[None]):
    user_id: UUID
    actor: ActingUser
    expected_version: int | None
    at: datetime
