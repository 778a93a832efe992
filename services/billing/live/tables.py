"""Faust's windowed tables, with acknowledged changelog writes and expiry of restored entries."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import faust
from faust.tables.wrappers import WindowWrapper
from faust.types.tuples import FutureMessage

from services.billing.live.movements import MoneyMovement
from services.billing.live.totals import SeenVersions, Totals
from services.billing.live.windows import Window

HORIZON = timedelta(days=35)
"""Older events are not counted, and older windows are removed. This bounds the memory to about 1 KB
per movement. Published totals remain.
"""

LOG_RETENTION = {
    "retention.ms": str(int((HORIZON + timedelta(days=2)).total_seconds() * 1000)),
    "segment.ms": str(24 * 60 * 60 * 1000),  # Kafka deletes nothing from the active segment
}
_CHANGELOG = {"cleanup.policy": "compact,delete", **LOG_RETENTION}


class TrackedTable(faust.Table[Any, Any]):
    """Remembers its unacknowledged changelog sends. Faust's commit does not wait for them: its
    flush gives up after 100 ms, and a failed send is only logged.
    """

    logger = logging.getLogger("faust.tables")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.pending_sends: list[FutureMessage] = []

    def send_changelog(self, *args: Any, **options: Any) -> FutureMessage:
        message = super().send_changelog(*args, **options)
        self.pending_sends.append(message)
        return message


class LiveTables:
    """The tables of the live view. A partition's entries belong to the tenants of that partition:
    see `repartitioner`.
    """

    def __init__(self, app: faust.App, partitions: int) -> None:
        # Seen versions are stored under the day of the movement: a duplicate has the same day.
        self._seen = _Windowed(app, "seen-versions", Window.DAY, partitions)
        self._totals = {window: _Windowed(app, window, window, partitions) for window in Window}

    def seen_versions(self, movement: MoneyMovement) -> SeenVersions:
        return SeenVersions(self._seen.get(str(movement.invoice_id), movement.at))

    def store_seen_versions(self, movement: MoneyMovement, seen: SeenVersions) -> None:
        self._seen.put(str(movement.invoice_id), movement.at, seen.first_offsets)

    def totals(self, window: Window, movement: MoneyMovement) -> Totals:
        return Totals.of(self._totals[window].get(movement.totals_key, movement.at))

    def store_totals(self, window: Window, movement: MoneyMovement, totals: Totals) -> None:
        self._totals[window].put(movement.totals_key, movement.at, totals.stored())

    def take_pending_sends(self) -> Sequence[FutureMessage]:
        """Returns the changelog sends since the last call, and forgets them. Each completes when
        all in-sync replicas have it, or with an error.
        """
        return [message for windowed in self._all() for message in windowed.take_pending_sends()]

    def forget(self, now: datetime) -> None:
        """Removes entries older than the horizon. Faust does not expire entries that it restored
        from a changelog.
        """
        for windowed in self._all():
            windowed.forget((now - HORIZON).timestamp())

    @property
    def changelogs(self) -> Mapping[str, Mapping[str, str]]:
        """The changelog topics with their settings."""
        return {windowed.changelog: _CHANGELOG for windowed in self._all()}

    def _all(self) -> Iterator["_Windowed"]:
        yield self._seen
        yield from self._totals.values()


class _Windowed:
    """One table, keyed by key and time."""

    def __init__(self, app: faust.App, name: str, window: Window, partitions: int) -> None:
        self._table = TrackedTable(app, name=name, partitions=partitions, extra_topic_configs=_CHANGELOG)
        self._windows = cast(WindowWrapper, self._table.tumbling(window.length))
        app.tables.add(self._table)

    @property
    def changelog(self) -> str:
        return str(self._table.changelog_topic_name)

    def get(self, key: str, at: datetime) -> Mapping[str, int]:
        windows = self._windows.relative_to(at)
        return dict(windows[key].value()) if key in windows else {}

    def put(self, key: str, at: datetime, value: Mapping[str, int]) -> None:
        self._windows.relative_to(at)[key] = dict(value)

    def take_pending_sends(self) -> Sequence[FutureMessage]:
        messages = list(self._table.pending_sends)
        self._table.pending_sends.clear()
        return messages

    def forget(self, before: float) -> None:
        """Removes entries from memory only; the changelog has its own retention."""
        for key in [(name, window) for name, window in self._table.data if window[1] < before]:
            del self._table.data[key]
