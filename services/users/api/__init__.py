"""The routes of the users service."""

from services.users.api import registration, membership, pages, passwords, sessions

ROUTERS = [registration.router, sessions.router, passwords.router, membership.router, pages.router]
