"""The routes of the notifications service: notifications, read marks, mail preferences, suppressed
addresses, templates, reports about mails, and webhooks.
"""

from services.notifications.api import (
    mail_reports,
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
    mail_reports.router,
    webhook_endpoints.router,
    webhook_deliveries.router,
]
