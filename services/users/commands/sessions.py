"""Sessions, and checks of a password."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.users.domain import User
from waypost.kernel.command import Command
from waypost.kernel.ids import TenantId


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
    """Records the result of a password check. Returns whether the password is accepted: every
    password is refused while its key is delayed after wrong passwords.
    """

    tenant_id: TenantId
    failure_key: str = field(repr=False)
    """The key by which wrong passwords in a row are counted: the address of a sign-in, or one of
    `domain.sign_in_delay`.
    """
    is_right: bool
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
