"""Registration: new tenants, sign-ups and the proof of their addresses."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.users.domain import Email, JoinPolicy, SealedToken, Tenant, User
from waypost.kernel.command import Command
from waypost.kernel.ids import TenantId


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
    """Proves an address with the link of its mail, and with the password of the sign-up that the
    link belongs to. The link alone would open the account of the person who signed up, who may be
    another one than the reader of the mail.
    """

    digest: bytes = field(repr=False)
    verified_hash: str = field(repr=False)
    """The hash against which the password was verified."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyWithNewPassword(Command[User]):
    """Proves an address with the link of its mail. The reader's password replaces that of the
    sign-up.
    """

    digest: bytes = field(repr=False)
    password_hash: str = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclineSignUp(Command[None]):
    """The reader of the mail did not sign up."""

    digest: bytes = field(repr=False)
    at: datetime
