"""Fetches of an idle consumer wait longer at the broker. A fetch returns at once when a record
arrives, so that only its renewals become rarer: they are most of the work of an idle broker and of
its clients.

A waiting fetch delays other requests on its connection, and partitions that are assigned or resumed
meanwhile. So a consumer is patient only when no record has arrived for a while after its
assignment.
"""

import time
from typing import Any

from aiokafka.consumer import consumer
from aiokafka.consumer.fetcher import Fetcher

IDLE_SECONDS = 10.0
PATIENT_MILLISECONDS = 2500
"""Half of the time that `waypost.kafka.consumer` grants the broker for an answer."""


class PatientFetcher(Fetcher):  # type: ignore[misc]  # aiokafka is not annotated
    """Replacement of aiokafka's `Fetcher`, which reads `_fetch_max_wait_ms` for each fetch."""

    _active_at = 0.0
    """When records were last fetched or partitions assigned, in the time of `time.monotonic`."""
    _assignment: Any = None

    @property
    def _fetch_max_wait_ms(self) -> int:
        now, assignment = time.monotonic(), self._subscriptions.subscription.assignment
        if self._records or assignment is not self._assignment:
            self._active_at, self._assignment = now, assignment
        patient = now - self._active_at >= IDLE_SECONDS
        return max(self._configured_ms, PATIENT_MILLISECONDS) if patient else self._configured_ms

    @_fetch_max_wait_ms.setter
    def _fetch_max_wait_ms(self, milliseconds: int) -> None:
        """aiokafka sets it once, from `fetch_max_wait_ms`."""
        self._configured_ms = milliseconds

    async def _proc_fetch_request(self, *request: Any) -> Any:
        """Notices records that are consumed before the next fetch."""
        fetched = await super()._proc_fetch_request(*request)
        if fetched:
            self._active_at = time.monotonic()
        return fetched


def wait_longer_when_idle() -> None:
    consumer.Fetcher = PatientFetcher
