"""Tenants and their users."""

from services.users.domain.email import Email, NotAnEmailAddress, email_address
from services.users.domain.errors import (
    NotSuspended,
    OwnerIsProtected,
    PasswordRefused,
    SelfReactivation,
    SignInRefused,
    TenantIsClosed,
    TokenNotValid,
    UserIsErased,
)
from services.users.domain.tenant import Tenant, TenantStatus
from services.users.domain.tokens import OpaqueToken, SealedToken
from services.users.domain.user import User
from services.users.domain.user_status import UserStatus

__all__ = [
    "Email",
    "NotAnEmailAddress",
    "NotSuspended",
    "OpaqueToken",
    "OwnerIsProtected",
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
