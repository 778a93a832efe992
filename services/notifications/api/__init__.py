"""The routes of the notifications service: notifications, read marks and mail preferences."""

from services.notifications.api import notifications, preferences, unsubscribe

ROUTERS = [notifications.router, preferences.router, unsubscribe.router]
