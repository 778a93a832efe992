"""The routes of the notifications service: what was sent, what was read, and who wants which mail."""

from services.notifications.api import notifications, preferences, unsubscribe

ROUTERS = [notifications.router, preferences.router, unsubscribe.router]
