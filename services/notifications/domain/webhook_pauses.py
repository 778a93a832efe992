"""The times in which an endpoint was disabled: events from these times are not sent."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from services.notifications.domain.webhook_schedule import RETENTION

MAX_PERIODS = 20

Period = Sequence[str]
"""The times in ISO 8601 at which the endpoint was disabled, and enabled again."""


def with_period(
    periods: Sequence[Period], since: Mapping[str, str], disabled_at: datetime, enabled_at: datetime
) -> tuple[list[Period], dict[str, str]]:
    """The periods with one more, and since when the endpoint gets each type of event.

    Events from before a period may still be unread, and are sent. Periods that ended before the log
    of deliveries begins are dropped: no event from that time is sent. If there are too many, the
    oldest are dropped, and no event from before their end is sent.
    """
    oldest = enabled_at - RETENTION
    recent = [period for period in periods if datetime.fromisoformat(period[1]) > oldest]
    recent.append([disabled_at.isoformat(), enabled_at.isoformat()])
    dropped, kept = recent[:-MAX_PERIODS], recent[-MAX_PERIODS:]
    if not dropped:
        return kept, dict(since)
    bound = max(datetime.fromisoformat(period[1]) for period in dropped)
    return kept, {name: max(datetime.fromisoformat(at), bound).isoformat() for name, at in since.items()}
