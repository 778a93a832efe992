"""Events that users publishes. Generated from the schemas by `waypost schemas generate`; edit
the .avsc files.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from waypost.kernel.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationAccepted(Event):
    """The reader of the mail accepted. The last event of this invitation."""

    type: ClassVar[str] = "invitation.accepted"
    topic: ClassVar[str] = "users.invitation"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    invitation_id: UUID
    """The invitation; key of the record."""
    user_id: UUID
    """The user who joined."""
    accepted_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationRequested(Event):
    """A person asked to join a tenant with approval. The address is not proved: nothing is
    mailed to it before an admin approves.
    """

    type: ClassVar[str] = "invitation.requested"
    topic: ClassVar[str] = "users.invitation"
    schema_version: ClassVar[int] = 2
    personal: ClassVar[frozenset[str]] = frozenset({"email", "display_name"})

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    invitation_id: UUID
    """The invitation; key of the record."""
    email: str = field(repr=False)
    """The address that was entered, in lower case."""
    display_name: str = field(repr=False)
    """The name that was entered. Never mailed."""
    locale: str
    """BCP 47 tag of the language for mails, such as en or de-AT."""
    approvers: tuple[UUID, ...]
    """Admins who are mailed that a request waits; empty if they were mailed a short time ago."""
    requested_at: datetime
    """Time of the event."""
    personal_ciphertext: bytes = field(default=b"", repr=False)
    """The personal fields, encrypted with the key of the person; they are then empty. Empty if
    they are not encrypted, or erased.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationSent(Event):
    """An admin invited an address, or approved a request. Its link is to be mailed."""

    type: ClassVar[str] = "invitation.sent"
    topic: ClassVar[str] = "users.invitation"
    schema_version: ClassVar[int] = 2
    personal: ClassVar[frozenset[str]] = frozenset({"email"})

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    invitation_id: UUID
    """The invitation; key of the record."""
    email: str = field(repr=False)
    """The invited address, in lower case."""
    role: str
    """The role of the user who accepts, one of: admin, member."""
    invited_by: UUID
    """The admin who invited or approved."""
    locale: str
    """BCP 47 tag of the language for mails, such as en or de-AT."""
    sealing_key_id: str
    """Id of the notifications service's public key that sealed the token."""
    sealed_token: bytes = field(repr=False)
    """One-time token of the link in the mail, as a NaCl sealed box. The users service stores
    only its hash.
    """
    expires_at: datetime
    """Expiry: after it the token is refused and the mail is not sent."""
    sent_at: datetime
    """Time of the event."""
    personal_ciphertext: bytes = field(default=b"", repr=False)
    """The personal fields, encrypted with the key of the person; they are then empty. Empty if
    they are not encrypted, or erased.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationWithdrawn(Event):
    """The invitation or request ended without a new user. The last event of this invitation."""

    type: ClassVar[str] = "invitation.withdrawn"
    topic: ClassVar[str] = "users.invitation"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    invitation_id: UUID
    """The invitation; key of the record."""
    reason: str
    """One of: revoked (by an admin, who also refuses requests so), expired, erased (the person
    was erased).
    """
    withdrawn_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonKeyCreated(Event):
    """A person got a key. It decrypts their personal data in the events of all services."""

    type: ClassVar[str] = "person_key.created"
    topic: ClassVar[str] = "users.person_key"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset({"key"})

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    person_id: UUID
    """The person: a user or an invitation; key of the record."""
    key: str = field(repr=False)
    """The key of AES-256-GCM, in base64."""
    created_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonKeyDestroyed(Event):
    """The key of a person was destroyed: their personal data reads as empty text from now on.
    Replaces the event with the key in the compacted topic.
    """

    type: ClassVar[str] = "person_key.destroyed"
    topic: ClassVar[str] = "users.person_key"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    person_id: UUID
    """The person: a user or an invitation; key of the record."""
    destroyed_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantClosed(Event):
    """The tenant was closed: its users cannot sign in, and no jobs are scheduled for it."""

    type: ClassVar[str] = "tenant.closed"
    topic: ClassVar[str] = "users.tenant"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    reason: str
    """Reason, one of: requested, nonpayment."""
    closed_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantCreated(Event):
    """A tenant was created. Its owner is created next."""

    type: ClassVar[str] = "tenant.created"
    topic: ClassVar[str] = "users.tenant"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    name: str
    """Name of the tenant, shown in mails and on invoices."""
    created_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantJoinPolicyChanged(Event):
    """The tenant's join policy changed. A tenant without this event is closed to sign-ups."""

    type: ClassVar[str] = "tenant.join_policy_changed"
    topic: ClassVar[str] = "users.tenant"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    mode: str
    """One of: closed, domains, approval, open."""
    domains: tuple[str, ...]
    """Mail domains whose addresses may sign up; empty in every mode but domains."""
    changed_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantRenamed(Event):
    """The tenant was renamed."""

    type: ClassVar[str] = "tenant.renamed"
    topic: ClassVar[str] = "users.tenant"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    name: str
    """The new name."""
    renamed_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCreated(Event):
    """A user signed up, or the owner of a tenant was created. The address is not verified yet."""

    type: ClassVar[str] = "user.created"
    topic: ClassVar[str] = "users.user"
    schema_version: ClassVar[int] = 2
    personal: ClassVar[frozenset[str]] = frozenset({"email", "display_name"})

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    user_id: UUID
    """The user; key of the record."""
    email: str = field(repr=False)
    """Email address for sign-in and mails, in lower case."""
    display_name: str = field(repr=False)
    """Display name of the user."""
    role: str
    """One of: owner, admin, member."""
    locale: str
    """BCP 47 tag of the language for mails, such as en or de-AT."""
    created_at: datetime
    """Time of the event."""
    personal_ciphertext: bytes = field(default=b"", repr=False)
    """The personal fields, encrypted with the key of the person; they are then empty. Empty if
    they are not encrypted, or erased.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEmailChangeRequested(Event):
    """A user asked for another address. The new address receives a link that proves it, the
    present address a link that cancels the change or takes it back. Earlier links are invalid.
    """

    type: ClassVar[str] = "user.email_change_requested"
    topic: ClassVar[str] = "users.user"
    schema_version: ClassVar[int] = 2
    personal: ClassVar[frozenset[str]] = frozenset({"email", "new_email"})

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    user_id: UUID
    """The user; key of the record."""
    email: str = field(repr=False)
    """The present address, which receives the link that cancels."""
    new_email: str = field(repr=False)
    """The new address, in lower case, which receives the link that proves it."""
    locale: str
    """BCP 47 tag of the language for mails, such as en or de-AT."""
    sealing_key_id: str
    """Id of the notifications service's public key that sealed both tokens."""
    sealed_token: bytes = field(repr=False)
    """One-time token of the link that proves the new address, as a NaCl sealed box. The users
    service stores only its hash.
    """
    sealed_cancel_token: bytes = field(repr=False)
    """One-time token of the link that cancels the change, as a NaCl sealed box. The users
    service stores only its hash.
    """
    expires_at: datetime
    """Expiry of the link that proves the new address: after it the token is refused and the mail
    is not sent.
    """
    cancel_expires_at: datetime
    """Expiry of the link that cancels the change."""
    requested_at: datetime
    """Time of the event."""
    personal_ciphertext: bytes = field(default=b"", repr=False)
    """The personal fields, encrypted with the key of the person; they are then empty. Empty if
    they are not encrypted, or erased.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEmailChanged(Event):
    """The address of a user changed and is not verified yet. The previous address is notified."""

    type: ClassVar[str] = "user.email_changed"
    topic: ClassVar[str] = "users.user"
    schema_version: ClassVar[int] = 2
    personal: ClassVar[frozenset[str]] = frozenset({"email", "previous_email"})

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    user_id: UUID
    """The user; key of the record."""
    email: str = field(repr=False)
    """The new address, in lower case."""
    previous_email: str = field(repr=False)
    """The previous address."""
    changed_at: datetime
    """Time of the event."""
    personal_ciphertext: bytes = field(default=b"", repr=False)
    """The personal fields, encrypted with the key of the person; they are then empty. Empty if
    they are not encrypted, or erased.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEmailVerified(Event):
    """The user verified the address. The account is active."""

    type: ClassVar[str] = "user.email_verified"
    topic: ClassVar[str] = "users.user"
    schema_version: ClassVar[int] = 2
    personal: ClassVar[frozenset[str]] = frozenset({"email"})

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    user_id: UUID
    """The user; key of the record."""
    email: str = field(repr=False)
    """The verified address."""
    verified_at: datetime
    """Time of the event."""
    personal_ciphertext: bytes = field(default=b"", repr=False)
    """The personal fields, encrypted with the key of the person; they are then empty. Empty if
    they are not encrypted, or erased.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class UserErased(Event):
    """The user's personal data must be erased in all services. The last event of this user."""

    type: ClassVar[str] = "user.erased"
    topic: ClassVar[str] = "users.user"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    user_id: UUID
    """The user; key of the record."""
    erased_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPasswordChanged(Event):
    """The password of a user changed, and all their sessions ended."""

    type: ClassVar[str] = "user.password_changed"
    topic: ClassVar[str] = "users.user"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    user_id: UUID
    """The user; key of the record."""
    method: str
    """One of: changed (with the old password), reset (with a mailed link)."""
    changed_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPasswordResetRequested(Event):
    """A password reset link was requested. Earlier links are invalid."""

    type: ClassVar[str] = "user.password_reset_requested"
    topic: ClassVar[str] = "users.user"
    schema_version: ClassVar[int] = 2
    personal: ClassVar[frozenset[str]] = frozenset({"email"})

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    user_id: UUID
    """The user; key of the record."""
    email: str = field(repr=False)
    """Address that receives the link."""
    locale: str
    """BCP 47 tag of the language for mails, such as en or de-AT."""
    sealing_key_id: str
    """Id of the notifications service's public key that sealed the token."""
    sealed_token: bytes = field(repr=False)
    """One-time token of the link in the mail, as a NaCl sealed box. The users service stores
    only its hash.
    """
    expires_at: datetime
    """Expiry: after it the token is refused and the mail is not sent."""
    requested_at: datetime
    """Time of the event."""
    personal_ciphertext: bytes = field(default=b"", repr=False)
    """The personal fields, encrypted with the key of the person; they are then empty. Empty if
    they are not encrypted, or erased.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class UserProfileUpdated(Event):
    """The profile of a user changed. The event contains all fields, changed or not."""

    type: ClassVar[str] = "user.profile_updated"
    topic: ClassVar[str] = "users.user"
    schema_version: ClassVar[int] = 2
    personal: ClassVar[frozenset[str]] = frozenset({"display_name"})

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    user_id: UUID
    """The user; key of the record."""
    display_name: str = field(repr=False)
    """Display name of the user."""
    locale: str
    """BCP 47 tag of the language for mails, such as en or de-AT."""
    updated_at: datetime
    """Time of the event."""
    personal_ciphertext: bytes = field(default=b"", repr=False)
    """The personal fields, encrypted with the key of the person; they are then empty. Empty if
    they are not encrypted, or erased.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class UserReactivated(Event):
    """A suspended user was reactivated and can sign in again."""

    type: ClassVar[str] = "user.reactivated"
    topic: ClassVar[str] = "users.user"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    user_id: UUID
    """The user; key of the record."""
    reactivated_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRoleChanged(Event):
    """The role of a user changed."""

    type: ClassVar[str] = "user.role_changed"
    topic: ClassVar[str] = "users.user"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    user_id: UUID
    """The user; key of the record."""
    role: str
    """The new role, one of: owner, admin, member."""
    previous_role: str
    """The previous role."""
    changed_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSessionsEnded(Event):
    """One session of a user ended before its expiry, or all of them: by a sign-out, by the user,
    by an admin, or because a refresh token was used twice.
    """

    type: ClassVar[str] = "user.sessions_ended"
    topic: ClassVar[str] = "users.user"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    user_id: UUID
    """The user; key of the record."""
    session_id: UUID | None = None
    """The session that ended, the claim sid of its access tokens; null if all sessions ended."""
    ended_at: datetime
    """Time of the event. Access tokens of the session are refused from then on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSuspended(Event):
    """The user was suspended and cannot sign in until reactivation."""

    type: ClassVar[str] = "user.suspended"
    topic: ClassVar[str] = "users.user"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    user_id: UUID
    """The user; key of the record."""
    reason: str
    """Reason, one of: administrator, nonpayment."""
    suspended_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserVerificationRequested(Event):
    """A verification link was requested for an address. Earlier links are invalid."""

    type: ClassVar[str] = "user.verification_requested"
    topic: ClassVar[str] = "users.user"
    schema_version: ClassVar[int] = 2
    personal: ClassVar[frozenset[str]] = frozenset({"email"})

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    user_id: UUID
    """The user; key of the record."""
    email: str = field(repr=False)
    """The address to verify."""
    locale: str
    """BCP 47 tag of the language for mails, such as en or de-AT."""
    sealing_key_id: str
    """Id of the notifications service's public key that sealed the token."""
    sealed_token: bytes = field(repr=False)
    """One-time token of the link in the mail, as a NaCl sealed box. The users service stores
    only its hash.
    """
    expires_at: datetime
    """Expiry: after it the token is refused and the mail is not sent."""
    requested_at: datetime
    """Time of the event."""
    personal_ciphertext: bytes = field(default=b"", repr=False)
    """The personal fields, encrypted with the key of the person; they are then empty. Empty if
    they are not encrypted, or erased.
    """


EVENTS: tuple[type[Event], ...] = (
    InvitationAccepted,
    InvitationRequested,
    InvitationSent,
    InvitationWithdrawn,
    PersonKeyCreated,
    PersonKeyDestroyed,
    TenantClosed,
    TenantCreated,
    TenantJoinPolicyChanged,
    TenantRenamed,
    UserCreated,
    UserEmailChangeRequested,
    UserEmailChanged,
    UserEmailVerified,
    UserErased,
    UserPasswordChanged,
    UserPasswordResetRequested,
    UserProfileUpdated,
    UserReactivated,
    UserRoleChanged,
    UserSessionsEnded,
    UserSuspended,
    UserVerificationRequested,
)
