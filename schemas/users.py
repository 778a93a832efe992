"""Events that users publishes.

Generated from `schemas/avro` by `waypost schemas generate`; edit those files.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from waypost.kernel.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantClosed(Event):
    """The tenant left: nobody of it can sign in any more and nothing is scheduled for it."""

    type: ClassVar[str] = "tenant.closed"
    topic: ClassVar[str] = "users.tenant"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    reason: str
    """Why, one of: requested, nonpayment."""
    closed_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantCreated(Event):
    """A tenant opened its account; its owner is created right after."""

    type: ClassVar[str] = "tenant.created"
    topic: ClassVar[str] = "users.tenant"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    name: str
    """What the tenant calls itself, shown in mails and on invoices."""
    created_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantRenamed(Event):
    """The tenant goes by another name from now on."""

    type: ClassVar[str] = "tenant.renamed"
    topic: ClassVar[str] = "users.tenant"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    name: str
    """The new name."""
    renamed_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCreated(Event):
    """Somebody signed up, or a tenant's owner was set up; the address is not verified yet."""

    type: ClassVar[str] = "user.created"
    topic: ClassVar[str] = "users.user"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset({"email", "display_name"})

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    user_id: UUID
    """The user; key of the record."""
    email: str = field(repr=False)
    """Address to sign in with, and that mails go to; lower case."""
    display_name: str = field(repr=False)
    """What the user wants to be called."""
    role: str
    """One of: owner, admin, member."""
    locale: str
    """BCP 47 tag of the language for mails, such as en or de-AT."""
    created_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEmailChanged(Event):
    """The user has another address, not verified yet; the old one is told."""

    type: ClassVar[str] = "user.email_changed"
    topic: ClassVar[str] = "users.user"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset({"email", "previous_email"})

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    user_id: UUID
    """The user; key of the record."""
    email: str = field(repr=False)
    """The new address; lower case."""
    previous_email: str = field(repr=False)
    """The address until now."""
    changed_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEmailVerified(Event):
    """The user showed that the address is theirs; the account is active."""

    type: ClassVar[str] = "user.email_verified"
    topic: ClassVar[str] = "users.user"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset({"email"})

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    user_id: UUID
    """The user; key of the record."""
    email: str = field(repr=False)
    """The address that was proved."""
    verified_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserErased(Event):
    """The person is to be forgotten everywhere; the last event of this user."""

    type: ClassVar[str] = "user.erased"
    topic: ClassVar[str] = "users.user"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    user_id: UUID
    """The user; key of the record."""
    erased_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPasswordChanged(Event):
    """The user has a new password; every session of theirs has ended."""

    type: ClassVar[str] = "user.password_changed"
    topic: ClassVar[str] = "users.user"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    user_id: UUID
    """The user; key of the record."""
    method: str
    """One of: changed (with the old password), reset (with a mailed link)."""
    changed_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPasswordResetRequested(Event):
    """A link that sets a new password is to be mailed; an earlier link stops working."""

    type: ClassVar[str] = "user.password_reset_requested"
    topic: ClassVar[str] = "users.user"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset({"email"})

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    user_id: UUID
    """The user; key of the record."""
    email: str = field(repr=False)
    """The address that the link goes to."""
    locale: str
    """BCP 47 tag of the language for mails, such as en or de-AT."""
    sealing_key_id: str
    """Which public key of the notifications service the token is sealed to."""
    sealed_token: bytes = field(repr=False)
    """The one-time token for the link in the mail, as a NaCl sealed box; users keeps only its hash.
    """
    expires_at: datetime
    """After this the token is refused and the mail is suppressed."""
    requested_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserProfileUpdated(Event):
    """The user's profile reads like this from now on; all of it is stated, changed or not."""

    type: ClassVar[str] = "user.profile_updated"
    topic: ClassVar[str] = "users.user"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset({"display_name"})

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    user_id: UUID
    """The user; key of the record."""
    display_name: str = field(repr=False)
    """What the user wants to be called."""
    locale: str
    """BCP 47 tag of the language for mails, such as en or de-AT."""
    updated_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserReactivated(Event):
    """A suspended user may sign in again."""

    type: ClassVar[str] = "user.reactivated"
    topic: ClassVar[str] = "users.user"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    user_id: UUID
    """The user; key of the record."""
    reactivated_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRoleChanged(Event):
    """The user may do more or less from now on."""

    type: ClassVar[str] = "user.role_changed"
    topic: ClassVar[str] = "users.user"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    user_id: UUID
    """The user; key of the record."""
    role: str
    """The new role, one of: owner, admin, member."""
    previous_role: str
    """The role until now."""
    changed_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSuspended(Event):
    """The user cannot sign in until reactivated."""

    type: ClassVar[str] = "user.suspended"
    topic: ClassVar[str] = "users.user"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    user_id: UUID
    """The user; key of the record."""
    reason: str
    """Why, one of: administrator, nonpayment."""
    suspended_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserVerificationRequested(Event):
    """A link that proves the address is to be mailed; an earlier link stops working."""

    type: ClassVar[str] = "user.verification_requested"
    topic: ClassVar[str] = "users.user"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset({"email"})

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    user_id: UUID
    """The user; key of the record."""
    email: str = field(repr=False)
    """The address to prove."""
    locale: str
    """BCP 47 tag of the language for mails, such as en or de-AT."""
    sealing_key_id: str
    """Which public key of the notifications service the token is sealed to."""
    sealed_token: bytes = field(repr=False)
    """The one-time token for the link in the mail, as a NaCl sealed box; users keeps only its hash.
    """
    expires_at: datetime
    """After this the token is refused and the mail is suppressed."""
    requested_at: datetime
    """When it happened."""


EVENTS: tuple[type[Event], ...] = (
    TenantClosed,
    TenantCreated,
    TenantRenamed,
    UserCreated,
    UserEmailChanged,
    UserEmailVerified,
    UserErased,
    UserPasswordChanged,
    UserPasswordResetRequested,
    UserProfileUpdated,
    UserReactivated,
    UserRoleChanged,
    UserSuspended,
    UserVerificationRequested,
)
