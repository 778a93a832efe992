"""What this service can be asked to do. Shapes are valid, passwords are hashed, time and ids are
given: the edge saw to that.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.users.domain import Email, SealedToken, Tenant, User
from waypost.kernel.command import Command
from waypost.kernel.ids import TenantId
from waypost.kernel.role import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Somebody who is about to become a user."""

    user_id: UUID
    email: Email = field(repr=False)
    display_name: str = field(repr=False)
    locale: str
    password_hash: str = field(repr=False)
    verification: SealedToken


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    """One link of a session: each is used once and followed by the next, until the session expires."""

    digest: bytes = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTenant(Command[Tenant]):
    tenant_id: TenantId
    name: str
    owner: Registration
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUp(Command[User]):
    """Gives back the user as it was asked for, also where the address is taken: the answer must not
    tell which it was.
    """

    tenant_id: TenantId
    registration: Registration
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyEmail(Command[User]):
    digest: bytes = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession(Command[User]):
    """After the password was found right."""

    user_id: UUID
    verified_hash: str = field(repr=False)
    """What it was checked against; where that is another by now, it was not right any more."""
    session_id: UUID
    refresh_token: RefreshToken
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    user: User
    session_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewSession(Command[Session | None]):
    """None refuses: unknown, expired, of an account that may not sign in, or used before. The last
    ends the whole session, which is why it is an answer and no error: it has to be committed.
    """

    digest: bytes = field(repr=False)
    successor: bytes = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseSession(Command[None]):
    digest: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPasswordLink(Command[None]):
    """From whoever knows an address. A job decides: nothing that is done at once depends on whether
    somebody has it.
    """

    tenant_id: TenantId
    email: Email = field(repr=False)
    placeholder_user_id: UUID
    """Of a user who never was, for the job of an address that is nobody's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePasswordLink(Command[bool]):
    """Whether there was somebody to offer it to."""

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
    """After the present password was found right. Ends all sessions and opens one."""

    user_id: UUID
    verified_hash: str = field(repr=False)
    """What the present password was checked against."""
    password_hash: str = field(repr=False)
    session_id: UUID
    refresh_token: RefreshToken
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateProfile(Command[User]):
    user_id: UUID
    display_name: str | None = field(default=None, repr=False)
    locale: str | None = None
    actor_id: UUID
    expected_version: int | None
    """What the caller has seen (If-Match); None for whatever there is."""
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
    expected_version: int | None
    at: datetime
