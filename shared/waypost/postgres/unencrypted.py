"""Counts and logs events that are stored with readable personal data."""

from collections.abc import Iterable

import structlog

from waypost.kernel.event import Event, has_personal_data
from waypost.telemetry import metrics

log = structlog.get_logger()


class UnencryptedEvents:
    """Those of one process, whose people have no key: they are from before the encryption, no
    service creates keys, or the aggregate names the wrong person (`Aggregate.person_id`).
    """

    def __init__(self) -> None:
        self._logged: set[str] = set()

    def report(self, events: Iterable[Event]) -> None:
        """Counts the events, and logs each type once."""
        for event in filter(has_personal_data, events):
            metrics.EVENTS_WITHOUT_KEY.labels(event.type).inc()
            if event.type not in self._logged:
                self._logged.add(event.type)
                log.warning("event_without_key", type=event.type)
