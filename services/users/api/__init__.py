"""The routes of the users service."""

from services.users.api import membership, operations, pages, passwords, registration, sessions

ROUTERS = [registration.router, sessions.router, passwords.router, membership.router, pages.router, operations.router]
