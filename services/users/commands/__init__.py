"""Commands of the users service. The API layer has checked shapes, hashed passwords and supplied
ids and times.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.users.commands.identity import ActingUser
from services.users.domain import Email, Invitation, JoinPolicy, SealedToken, Tenant, User
from waypost.kernel.command import Command
from waypost.kernel.ids import TenantId
from waypost.kernel.role import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A user to be created, with a sealed verification token."""

    user_id: UUID
    email: Email = field(repr=False)
    display_name: str = field(repr=False)
    locale: str
    password_hash: str = field(repr=False)
    verification: SealedToken


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    """A refresh token of a session. Each is used once and replaced by the next, until the session
    expires.
    """

    digest: bytes = field(repr=False)
    opened_at: datetime
    """Time of the sign-in."""
    expires_at: datetime
    user_agent: str
    """The client, as its user recognizes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTenant(Command[Tenant]):
    tenant_id: TenantId
    name: str
    owner: Registration
    join_policy: JoinPolicy
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUp(Command[User]):
    """Returns the requested user, also if the address is taken, the tenant does not admit it, or
    there is no such tenant: the response must not reveal which.
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
    """Opens a session after the password was verified."""

    user_id: UUID
    verified_hash: str = field(repr=False)
    """The hash against which the password was verified. If the hash has changed since, the
    session is refused.
    """
    session_id: UUID
    refresh_token: RefreshToken
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgePassword(Command[bool]):
    """Records the result of a password check. Returns whether the password is accepted: it is
    refused while the address is delayed after wrong passwords.
    """

    tenant_id: TenantId
    email: str = field(repr=False)
    is_right: bool
    caller_id: UUID | None = None
    """The user of a check with an access token, which is counted apart from sign-ins."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    user: User
    session_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewSession(Command[Session | None]):
    """Exchanges a refresh token for a new one. Returns None if the token is unknown, expired or
    used, or if its user may not sign in. A reused token also ends its session; this must be
    committed, so it is a result and not an error.
    """

    digest: bytes = field(repr=False)
    successor: bytes = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseSession(Command[None]):
    digest: bytes = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPasswordLink(Command[None]):
    """Sent by any caller who knows an address. A job decides, so that the response does not depend
    on whether the address exists.
    """

    tenant_id: TenantId
    email: Email = field(repr=False)
    placeholder_user_id: UUID
    """The id of a user who does not exist, for the job of an unknown address."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SetJoinPolicy(Command[Tenant]):
    tenant_id: TenantId
    policy: JoinPolicy
    expected_version: int | None = None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite(Command[Invitation]):
    invitation_id: UUID
    tenant_id: TenantId
    email: Email = field(repr=False)
    role: Role
    locale: str
    inviter_id: UUID
    token: SealedToken
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveRequest(Command[Invitation]):
    invitation_id: UUID
    inviter_id: UUID
    token: SealedToken
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeInvitation(Command[None]):
    """Revokes an invitation, or refuses a request. Nothing is mailed."""

    invitation_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptInvitation(Command[User]):
    """Sent by the reader of the mail, so it proves the address."""

    digest: bytes = field(repr=False)
    user_id: UUID
    """The id of the new user, if the address has none."""
    display_name: str = field(repr=False)
    locale: str | None
    """None: the locale of the invitation."""
    password_hash: str = field(repr=False)
    at: datetime
