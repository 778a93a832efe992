"""Who joins a tenant: its policy, invitations and requests."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.users.domain import Email, Invitation, JoinPolicy, SealedToken, Tenant, User
from waypost.kernel.command import Command
from waypost.kernel.ids import TenantId
from waypost.kernel.role import Role


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
