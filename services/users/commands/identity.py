"""Commands that decide who acts: sessions, confirmations, the address, the owner, the tenant."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.users.domain import EmailChange, Tenant, User
from waypost.kernel.command import Command
from waypost.kernel.role import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class ActingUser:
    """The caller of a command that cannot be undone. The session must be confirmed."""

    user_id: UUID
    role: Role
    session_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmSession(Command[None]):
    """Records that the password was proved again in this session."""

    user_id: UUID
    session_id: UUID | None
    verified_hash: str = field(repr=False)
    """The hash against which the password was verified."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSession(Command[None]):
    user_id: UUID
    session_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSessions(Command[None]):
    """Ends all sessions of a user."""

    user_id: UUID
    actor_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestEmailChange(Command[None]):
    actor: ActingUser
    change: EmailChange
    proof_digest: bytes = field(repr=False)
    cancellation_digest: bytes = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmEmailChange(Command[None]):
    """Proves the new address with the link of its mail, and with the password of the account: the
    reader of the mail may be another person than the one who requested the change.
    """

    digest: bytes = field(repr=False)
    verified_hash: str = field(repr=False)
    """The hash against which the password was verified."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclineEmailChange(Command[None]):
    """The reader of the mail to the new address did not request the change."""

    digest: bytes = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelEmailChange(Command[bool]):
    """Returns whether the user has the previous address again."""

    digest: bytes = field(repr=False)
    unusable_hash: str = field(repr=False)
    """The hash of a random password: the person who requested the change knew the old one."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferOwnership(Command[User]):
    """Makes another user the owner, and the owner an admin. Returns the new owner."""

    actor: ActingUser
    new_owner_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameTenant(Command[Tenant]):
    tenant_id: UUID
    name: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseTenant(Command[None]):
    tenant_id: UUID
    actor: ActingUser
    at: datetime
