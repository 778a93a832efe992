"""The routes of the notifications service: notifications, read marks, mail preferences, suppressed
addresses and templates.
"""

from services.notifications.api import (
    mail_reports,
    notifications,
    preferences,
    suppressions,
    templates,
    unsubscribe,
)

ROUTERS = [
    notifications.router,
    preferences.router,
    unsubscribe.router,
    suppressions.router,
    templates.router,
    mail_reports.router,
]
