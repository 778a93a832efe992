"""Rows that are held back, and what is reported about them."""

import asyncio
import time
from collections.abc import Collection

import structlog

from waypost.kernel.errors import WaypostError
from waypost.ports.outbox import ShardTopic
from waypost.ports.subscription import Partition
from waypost.telemetry import metrics

log = structlog.get_logger()

TIMER_SECONDS = 0.01
"""By which a timer of the loop may be early."""
STALE_SECONDS = 60.0
"""A report that is not repeated for so long is dropped: the rows are gone, or another relay has
their shard. Longer than the longest hold and the attempt after it.
"""


class PartitionsHeld(WaypostError):
    """Partitions or topics accept no records. Their rows wait; all others are published."""


class HeldRows:
    """Skips rows for a while, so that others keep flowing; no key is quarantined for it. The end of
    a hold is a wake-up.
    """

    def __init__(self, wakeup: asyncio.Event) -> None:
        self._until: dict[ShardTopic, float] = {}
        self._wakeup = wakeup

    def hold(self, shard_topics: Collection[ShardTopic], seconds: float) -> None:
        self._until.update(dict.fromkeys(shard_topics, time.monotonic() + seconds))
        asyncio.get_running_loop().call_later(seconds + TIMER_SECONDS, self._wakeup.set)

    def now(self) -> set[ShardTopic]:
        now = time.monotonic()
        return {shard_topic for shard_topic, until in self._until.items() if until > now}


class HeldPartitions:
    """Reports partitions and topics that accept no records, by a log event, a metric and the
    readiness of the process.
    """

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}
        self._reported_at: dict[str, float] = {}

    def report(self, name: str, reason: str) -> None:
        """Reports a partition (`topic/number`) or a topic, once for each reason."""
        if self._reasons.get(name) != reason:
            self._drop(name)
            self._reasons[name] = reason
            metrics.RELAY_HELD_PARTITIONS.labels(name, reason).set(1)
            log.error("partition_held", partition=name, reason=reason)
        self._reported_at[name] = time.monotonic()

    def release(self, partition: Partition) -> None:
        """Ends the reports of a partition that has acknowledged a chunk."""
        if self._reasons:
            self._release(str(partition))
            self._release(partition.topic)

    def drop_stale(self) -> None:
        stale_since = time.monotonic() - STALE_SECONDS
        for name in [name for name, at in self._reported_at.items() if at < stale_since]:
            self._release(name)

    async def require_none(self) -> None:
        """For readiness probes. Raises PartitionsHeld with their names and reasons."""
        if self._reasons:
            held = ", ".join(f"{name}: {reason}" for name, reason in sorted(self._reasons.items()))
            raise PartitionsHeld(
                f"no records are accepted by {held}; their rows wait in the outbox. Check the brokers, the replicas and the"
                " permissions"
            )

    def _release(self, name: str) -> None:
        if name in self._reasons:
            log.info("partition_released", partition=name)
            self._drop(name)

    def _drop(self, name: str) -> None:
        if name in self._reasons:
            metrics.RELAY_HELD_PARTITIONS.remove(name, self._reasons.pop(name))
            del self._reported_at[name]
