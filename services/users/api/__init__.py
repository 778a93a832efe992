"""The routes of the users service."""

from services.users.api import invitations, join_policy, membership, pages, passwords, registration, sessions

ROUTERS = [
    registration.router,
    sessions.router,
    passwords.router,
    membership.router,
    join_policy.router,
    invitations.router,
    pages.router,
]
