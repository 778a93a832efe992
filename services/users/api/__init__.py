"""The routes of the users service."""

from services.users.api import joining, membership, pages, passwords, sessions

ROUTERS = [joining.router, sessions.router, passwords.router, membership.router, pages.router]
