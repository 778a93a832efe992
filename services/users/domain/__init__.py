"""Tenants and their users."""

from services.users.domain.email import Email, NotAnEmailAddress, email_address
from services.users.domain.email_change import EmailChange
from services.users.domain.errors import (
    AddressInUse,
    AdminIsProtected,
    ConfirmationRequired,
    EmailChangeTooSoon,
    HeirNotActive,
    NotSuspended,
    NotTheOwner,
    OwnerIsProtected,
    OwnerNotVerified,
    PasswordRefused,
    SelfReactivation,
    SignInRefused,
    TenantIsClosed,
    TokenNotValid,
    UserIsErased,
)
from services.users.domain.tenant import Tenant, TenantStatus
from services.users.domain.tokens import SESSION_LIFETIME, OpaqueToken, SealedToken
from services.users.domain.user import User
from services.users.domain.user_status import UserStatus

__all__ = [
    "SESSION_LIFETIME",
    "AddressInUse",
    "AdminIsProtected",
    "ConfirmationRequired",
    "Email",
    "EmailChange",
    "EmailChangeTooSoon",
    "HeirNotActive",
    "NotAnEmailAddress",
    "NotSuspended",
    "NotTheOwner",
    "OpaqueToken",
    "OwnerIsProtected",
    "OwnerNotVerified",
    "PasswordRefused",
    "SealedToken",
    "SelfReactivation",
    "SignInRefused",
    "Tenant",
    "TenantIsClosed",
    "TenantStatus",
    "TokenNotValid",
    "User",
    "UserIsErased",
    "UserStatus",
    "email_address",
]
