"""The routes of the users service."""

from services.users.api import (
    email_changes,
    exports,
    invitations,
    join_policy,
    membership,
    operations,
    overview,
    own_sessions,
    pages,
    passwords,
    registration,
    sessions,
    tenant,
    verification,
)
from services.users.api.examples import EXAMPLES

__all__ = ["EXAMPLES", "ROUTERS"]

ROUTERS = [
    registration.router,
    verification.router,
    sessions.router,
    own_sessions.router,
    passwords.router,
    email_changes.router,
    membership.router,
    overview.router,
    exports.router,
    tenant.router,
    join_policy.router,
    invitations.router,
    pages.router,
    operations.router,
]
