"""Fetches of an idle consumer wait longer at the broker. A fetch returns at once when a record
arrives, so that only its renewals become rarer: they are most of the work of an idle broker and of
its clients.

A waiting fetch delays other requests on its connection, and partitions that are assigned or resumed
meanwhile. So a consumer is patient only when no record has arrived for a while after its
assignment. aiokafka has one fetch per broker, without the partitions whose fetched records are not
consumed yet: beside them, a fetch of partitions without records is short.

aiokafka also examines all partitions five times a second. An answer, an assignment, a resumption
and a change of metadata wake it anyway, so an idle consumer examines them as rarely as it fetches.
"""

import time
from typing import Any

from aiokafka.consumer import consumer
from aiokafka.consumer.fetcher import Fetcher

IDLE_SECONDS = 10.0
PATIENT_MILLISECONDS = 2500
"""Half of the time that `waypost.kafka.consumer` grants the broker for an answer."""
SHORTEST_MILLISECONDS = 20
SHARE_OF_AGE = 0.1
"""A wait beside fetched records, as a share of their age."""


class PatientFetcher(Fetcher):  # type: ignore[misc]  # aiokafka is not annotated
    """Replacement of aiokafka's `Fetcher`, which reads `_fetch_max_wait_ms` for each fetch, and
    `_fetcher_timeout` for each wait between two examinations.
    """

    _active_at = 0.0
    """When records were last fetched or partitions assigned, in the time of `time.monotonic`."""
    _assignment: Any = None

    @property
    def _fetch_max_wait_ms(self) -> int:
        if self._records:
            return self._milliseconds_beside_records()
        return max(self._configured_ms, PATIENT_MILLISECONDS) if self._is_patient() else self._configured_ms

    @_fetch_max_wait_ms.setter
    def _fetch_max_wait_ms(self, milliseconds: int) -> None:
        """aiokafka sets it once, from `fetch_max_wait_ms`."""
        self._configured_ms = milliseconds

    @property
    def _fetcher_timeout(self) -> float:
        return PATIENT_MILLISECONDS / 1000 if self._is_patient() else self._configured_timeout

    @_fetcher_timeout.setter
    def _fetcher_timeout(self, seconds: float) -> None:
        """aiokafka sets it once, from `consumer_timeout_ms`."""
        self._configured_timeout = seconds

    def _milliseconds_beside_records(self) -> int:
        """A fetch without the partitions whose records are not consumed yet. Their next fetch waits
        for its answer, so it is short while records have just arrived.
        """
        age = time.monotonic() - max(records._created for records in self._records.values())
        return min(max(SHORTEST_MILLISECONDS, int(age * 1000 * SHARE_OF_AGE)), self._configured_ms)

    def _is_patient(self) -> bool:
        now, assignment = time.monotonic(), self._subscriptions.subscription.assignment
        if self._records or assignment is not self._assignment:
            self._active_at, self._assignment = now, assignment
        return now - self._active_at >= IDLE_SECONDS

    async def _proc_fetch_request(self, *request: Any) -> Any:
        """Notices records that are consumed before the next fetch."""
        fetched = await super()._proc_fetch_request(*request)
        if fetched:
            self._active_at = time.monotonic()
        return fetched


def wait_longer_when_idle() -> None:
    consumer.Fetcher = PatientFetcher
