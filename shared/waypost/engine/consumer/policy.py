"""Limits and pauses of a consumer."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Self

from waypost.engine.retry import RetryPolicy
from waypost.kernel.backoff import OUTAGE_BACKOFF, Backoff
from waypost.kernel.errors import Transient
from waypost.telemetry.loop_lag import LOOP_LAG


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerPolicy:
    max_records: int = 500
    """The largest batch: records of one poll, and at most of one transaction."""
    reactor_seconds: float = 0.2
    """Intended time of a reactor's transaction, which handles as many events as fit into it."""
    poll_seconds: float = 10.0
    """Time limit of a poll, which returns when records arrive, and when its partition is revoked or
    must seek.
    """
    ignored_wait_seconds: float = 0.5
    """How long records without a handler wait for others. A record with a handler ends the wait."""
    handler_seconds: float = 10.0
    """Time limit for the handlers of one transaction; below the role's `transaction_timeout`."""
    commit_seconds: float = 1.0
    """Pause between offset commits to Kafka, which only lag tools read."""
    revoke_seconds: float = 5.0
    """Time limit for the running transaction when partitions are revoked."""
    duplicate_window: timedelta = timedelta(days=7)
    """Age up to which a repeated event is found in `processed_messages`, whose rows are kept one
    day longer. For an older event, only the order guard prevents a second handling.
    """
    isolate_after_starts: int = 3
    """From this number of starts without a finished batch, records are processed one by one."""
    dead_letter_after_starts: int = 6
    """After this number of starts the record is assumed to crash the process and is dead-lettered
    without another attempt.
    """
    max_terminations: int = 2
    """How often the database may end one batch, while it answers other queries, before the batch is
    split.
    """
    max_conflicts: int = 10
    """How often one event may conflict with another writer of its aggregate before it counts as
    failed.
    """
    max_dead_letters: int = 10_000
    """Limit per consumer of dead letters that have failed or wait behind a failed one. At the limit
    a partition pauses at the first record that needs another dead letter.

    Concurrent transactions do not see each other's dead letters: each further partition may exceed
    the limit by one batch.
    """
    defers_records: bool = True
    """Whether the limits per key and tenant apply."""
    max_dead_letters_per_key: int = 500
    """Limit of open dead letters of a key, far below that of the consumer. Further records of the
    key stay on the topic, and are read again when its dead letters are handled.
    """
    max_dead_letters_per_tenant: int = 2_500
    """Limit of open dead letters of a tenant. Beyond it, records of further keys of the tenant that
    fail stay on the topic too.
    """
    deferred_retry_seconds: float = 60.0
    """Pause before a key whose records stay on the topic is tried again, if there was no space."""
    max_out_of_order_dead_letters: int = 100_000
    """Limit per consumer of out-of-order dead letters, which wait for an earlier version. That
    version may follow the record that hits the limit, and then only a higher limit lets the
    partition continue. The limit is therefore far above the disorder that a topic can contain.
    """
    drop_headers_after_errors: int = 3
    """After this number of times in a row that the database refused the content of one record's
    dead letter, it is stored without key and headers.
    """
    unready_after_failures: int = 5
    """After this number of failed transactions of one batch the partition reports itself as not
    ready.
    """
    pauses: Backoff = OUTAGE_BACKOFF
    retry_poll_seconds: float = 0.5
    """Pause before another turn of a due key that another process holds."""
    retry_idle_polls: int = 60
    """Longest pause between queries for due keys, in such pauses. It ends when the next key is due,
    when this process changes the time of a key, and at an assignment, for keys that a dead process
    has parked.
    """
    retried_keys: int = 4
    """Maximum of keys whose dead letters one process retries at the same time."""
    dead_letters_per_turn: int = 10
    """How many dead letters of a key are retried before other due keys have a turn."""
    check_seconds: float = 10.0
    """Pause between checks of topic ids and end offsets."""
    stalled_seconds: float = 30.0
    """Time without progress, while records are available, after which the Kafka client is replaced.
    """
    retry: RetryPolicy = field(default_factory=RetryPolicy)

    def without_deferrals(self) -> Self:
        """The same policy for a consumer that leaves no record on the topic."""
        return replace(self, defers_records=False)

    @asynccontextmanager
    async def handler_timeout(self) -> AsyncIterator[None]:
        """Bounds the time of the handlers inside the block.

        Raises Transient with our own message when time runs out; the driver's time-out error would
        look like a database outage.
        """
        began, limit = time.monotonic(), asyncio.timeout(self.handler_seconds)
        try:
            async with limit:
                yield
        except TimeoutError as error:
            if limit.expired():
                blocked_seconds = LOOP_LAG.longest_since(began)
                blocked = f", and held the event loop for {blocked_seconds:.1f} s of it" if blocked_seconds else ""
                raise Transient(f"the handler took longer than {self.handler_seconds:g} s{blocked}") from error
            raise
