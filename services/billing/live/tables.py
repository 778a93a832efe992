"""Faust's windowed tables, with what Faust leaves open mended."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import faust
from faust.tables.wrappers import WindowWrapper
from faust.types.tuples import FutureMessage

from services.billing.live.movements import Movement
from services.billing.live.totals import SeenVersions, Totals
from services.billing.live.windows import Window

HORIZON = timedelta(days=35)
"""An event older than that when it is read is not counted, a window older than that is forgotten:
this bounds the memory, about 1 KB per movement. What was published of it stays.
"""

LOG_RETENTION = {
    "retention.ms": str(int((HORIZON + timedelta(days=2)).total_seconds() * 1000)),
    "segment.ms": str(24 * 60 * 60 * 1000),  # nothing is deleted from a segment that is still written
}
_CHANGELOG = {"cleanup.policy": "compact,delete", **LOG_RETENTION}


class TrackedTable(faust.Table[Any, Any]):
    """Remembers what it has sent to its changelog. Faust's commit does not wait for it: its flush
    gives up after 100 ms, and a send that fails is a line in the log.
    """

    logger = logging.getLogger("faust.tables")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.unwritten: list[FutureMessage] = []

    def send_changelog(self, *args: Any, **options: Any) -> FutureMessage:
        message = super().send_changelog(*args, **options)
        self.unwritten.append(message)
        return message


class LiveTables:
    """Entries of one partition are of tenants that belong there: see `gathering`."""

    def __init__(self, app: faust.App, partitions: int) -> None:
        # Sightings are kept by the day on which a movement happened: a duplicate has the same one.
        self._seen = _Windowed(app, "seen-versions", Window.DAY, partitions)
        self._totals = {window: _Windowed(app, window, window, partitions) for window in Window}

    def seen_versions(self, movement: Movement) -> SeenVersions:
        return SeenVersions(self._seen.get(str(movement.invoice_id), movement.at))

    def store_seen_versions(self, movement: Movement, seen: SeenVersions) -> None:
        self._seen.put(str(movement.invoice_id), movement.at, seen.first_offsets)

    def totals(self, window: Window, movement: Movement) -> Totals:
        return Totals.of(self._totals[window].get(movement.books, movement.at))

    def store_totals(self, window: Window, movement: Movement, totals: Totals) -> None:
        self._totals[window].put(movement.books, movement.at, totals.stored())

    def unwritten(self) -> Sequence[FutureMessage]:
        """What was sent to the changelogs since the last call; each is done once all in-sync
        replicas have it, or with an error.
        """
        return [message for windowed in self._all() for message in windowed.unwritten()]

    def forget(self, now: datetime) -> None:
        """Drops what lies beyond the horizon. Faust would not expire what it has read back from a
        changelog.
        """
        for windowed in self._all():
            windowed.forget((now - HORIZON).timestamp())

    @property
    def changelogs(self) -> Mapping[str, Mapping[str, str]]:
        """Their topics, with their settings."""
        return {windowed.changelog: _CHANGELOG for windowed in self._all()}

    def _all(self) -> Iterator["_Windowed"]:
        yield self._seen
        yield from self._totals.values()


class _Windowed:
    """One table, by key and moment."""

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

    def unwritten(self) -> Sequence[FutureMessage]:
        message = list(self._table.unwritten)
        self._table.unwritten.clear()
        return message

    def forget(self, before: float) -> None:
        """In memory alone: the changelog forgets by itself."""
        for key in [(name, window) for name, window in self._table.data if window[1] < before]:
            del self._table.data[key]
