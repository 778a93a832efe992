"""Forgotten and changed passwords."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.users.commands.sessions import RefreshToken
from services.users.domain import Email, SealedToken, User
from waypost.kernel.command import Command
from waypost.kernel.ids import TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPasswordLink(Command[None]):
    """Sent by any caller who knows an address. A job decides, so that the response does not depend
    on whether the address exists.
    """

    tenant_id: TenantId
    email: Email = field(repr=False)
    placeholder_user_id: UUID
    """The id of a user who does not exist, for the job of an unknown address."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePasswordLink(Command[bool]):
    """Returns whether a link was created."""

    user_id: UUID
    token: SealedToken
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetPassword(Command[User]):
    digest: bytes = field(repr=False)
    password_hash: str = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePassword(Command[User]):
    """Changes the password after the current one was verified. Ends all sessions and opens one."""

    user_id: UUID
    verified_hash: str = field(repr=False)
    """The hash against which the current password was verified."""
    password_hash: str = field(repr=False)
    session_id: UUID
    refresh_token: RefreshToken
    at: datetime
