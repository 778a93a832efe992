"""The routes of the notifications service: notifications, read marks, mail preferences, suppressed
addresses and templates.
"""

from services.notifications.api import notifications, preferences, suppressions, templates, unsubscribe
from services.notifications.api.examples import EXAMPLES

__all__ = ["EXAMPLES", "ROUTERS"]

ROUTERS = [notifications.router, preferences.router, unsubscribe.router, suppressions.router, templates.router]
