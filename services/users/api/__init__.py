"""The routes of the users service."""

from services.users.api import joining, membership, pages, sessions

ROUTERS = [joining.router, sessions.router, membership.router, pages.router]
