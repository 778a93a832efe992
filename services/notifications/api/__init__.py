"""The routes of the notifications service: notifications, read marks, mail preferences, suppressed
addresses, templates and webhooks.
"""

from services.notifications.api import (
    notifications,
    preferences,
    suppressions,
    templates,
    unsubscribe,
    webhook_deliveries,
    webhook_endpoints,
)
from services.notifications.api.examples import EXAMPLES

__all__ = ["EXAMPLES", "ROUTERS"]

ROUTERS = [
    notifications.router,
    preferences.router,
    unsubscribe.router,
    suppressions.router,
    templates.router,
    webhook_endpoints.router,
    webhook_deliveries.router,
]
