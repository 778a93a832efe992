"""Tenants and their users."""

from services.users.domain.email import Email, NotAnEmailAddress, email_address
from services.users.domain.errors import (
    AddressNotVerified,
    AlreadyInvited,
    AlreadyMember,
    InvitationNotWaiting,
    NotSuspended,
    OwnerIsProtected,
    PasswordRefused,
    RoleNotGrantable,
    SelfReactivation,
    SignInRefused,
    TenantIsClosed,
    TokenNotValid,
    TooManyInvitations,
    UserIsErased,
)
from services.users.domain.invitation import (
    Invitation,
    InvitationStatus,
    Withdrawal,
    may_be_taken_over,
    may_invite,
    require_may_invite,
)
from services.users.domain.join_policy import Admission, JoinMode, JoinPolicy, mail_domain
from services.users.domain.tenant import Tenant, TenantStatus
from services.users.domain.tokens import OpaqueToken, SealedToken
from services.users.domain.user import User
from services.users.domain.user_status import UserStatus

__all__ = [
    "AddressNotVerified",
    "Admission",
    "AlreadyInvited",
    "AlreadyMember",
    "Email",
    "Invitation",
    "InvitationNotWaiting",
    "InvitationStatus",
    "JoinMode",
    "JoinPolicy",
    "NotAnEmailAddress",
    "NotSuspended",
    "OpaqueToken",
    "OwnerIsProtected",
    "PasswordRefused",
    "RoleNotGrantable",
    "SealedToken",
    "SelfReactivation",
    "SignInRefused",
    "Tenant",
    "TenantIsClosed",
    "TenantStatus",
    "TokenNotValid",
    "TooManyInvitations",
    "User",
    "UserIsErased",
    "UserStatus",
    "Withdrawal",
    "email_address",
    "mail_domain",
    "may_be_taken_over",
    "may_invite",
    "require_may_invite",
]
