"""The numbers of a consumer."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from waypost.engine.retry import RetryPolicy
from waypost.kernel.backoff import Backoff
from waypost.kernel.errors import Transient
from waypost.telemetry.loop_lag import LOOP_LAG

PAUSES = Backoff(first_seconds=0.1, factor=2.0, most_seconds=5.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerPolicy:
    max_records: int = 500
    """Of one poll, and so of one projector transaction."""
    poll_seconds: float = 0.2
    handler_seconds: float = 10.0
    """For the handlers of one transaction; below the role's `transaction_timeout`."""
    commit_seconds: float = 1.0
    """Between commits to Kafka, which only lag tools read."""
    revoke_seconds: float = 5.0
    """For the running transaction, when partitions are taken away."""
    inbox_remembers: timedelta = timedelta(days=7)
    """How long `processed_messages` is kept. An older event that comes again is known by the guard
    alone.
    """
    careful_from: int = 3
    """Starts without a finished batch from which records go one by one."""
    suspect_from: int = 6
    """Starts from which a record is held to end the process: it becomes a letter untried."""
    deaths: int = 2
    """How often the database may end one batch, while it answers others, before the batch is taken
    apart.
    """
    max_dead_letters: int = 10_000
    """Of the consumer, that have failed or wait behind one that has. At the cap a partition waits
    at the first record that needs another.

    Transactions that run at the same moment do not see each other's letters: there may be a batch
    of each further partition above it.
    """
    max_out_of_order_dead_letters: int = 100_000
    """Of the consumer, that wait for an earlier version which is still to come. It may lie behind
    the record that finds no room: here the partition waits for a higher cap, so that this one is
    far from what a topic brings out of order.
    """
    strip_from: int = 3
    """Refusals of one record's dead letter, none of them transient, from which it is stored without
    key and headers.
    """
    unready_from: int = 5
    """Failed transactions of one batch from which the partition shows as not ready."""
    pauses: Backoff = PAUSES
    retry_poll_seconds: float = 0.5
    """Between looks for letters that are due."""
    watch_seconds: float = 10.0
    """Between looks at topic ids and end offsets."""
    stalled_seconds: float = 30.0
    """Without progress behind the end of the partition, until the client is replaced."""
    retry: RetryPolicy = field(default_factory=RetryPolicy)

    @asynccontextmanager
    async def handlers_time(self) -> AsyncIterator[None]:
        """Raises Transient at its end, in words of its own: the database's would send somebody to
        look for an outage that is none.
        """
        began, limit = time.monotonic(), asyncio.timeout(self.handler_seconds)
        try:
            async with limit:
                yield
        except TimeoutError as error:
            if limit.expired():
                held = LOOP_LAG.longest_since(began)
                blocked = f", and held the event loop for {held:.1f} s of it" if held else ""
                raise Transient(f"the handler took longer than {self.handler_seconds:g} s{blocked}") from error
            raise
