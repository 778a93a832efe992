"""The routes of the notifications service: what was sent, what was read, and who wants which mail."""

from services.notifications.api import letters, preferences, unsubscribing

ROUTERS = [letters.router, preferences.router, unsubscribing.router]
