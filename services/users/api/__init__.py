"""The routes of the users service."""

from services.users.api import joining, membership, sessions

ROUTERS = [joining.router, sessions.router, membership.router]
