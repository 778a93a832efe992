"""A projector's rows made anew from its topics while the old ones serve, and swapped in by one
transaction.
"""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog

from waypost.engine.consumer.message import Reader
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.rate import Rate
from waypost.engine.rebuild.reading import ReadAhead
from waypost.engine.rebuild.report import BEFORE_SWAP, SWAP_TRIES, Progress, RebuildReport, swap_if_allowed
from waypost.engine.rebuild.shadow_writer import NEVER_REMEMBERS, ShadowWriter
from waypost.kernel.clock import Clock, SystemClock
from waypost.kernel.errors import Transient
from waypost.ports.codec import EventCodec
from waypost.ports.consumers import AsyncProjection
from waypost.ports.inbox import ConsumerPosition
from waypost.ports.rebuild import LiveIsAhead, Shadow, ShadowFactory, Swap
from waypost.ports.subscription import Partition
from waypost.ports.topic_log import TopicLogs
from waypost.telemetry.messaging import rebuild_span

log = structlog.get_logger()

# Nobody settles the shadow's letters while it reads; more than the live ones speak against the
# swap.
_MORE_THAN_ANYBODY_KEEPS = sys.maxsize


async def rebuild(
    projector: AsyncProjection,
    shadow_factory: ShadowFactory,
    logs: TopicLogs,
    codec: EventCodec,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    dry_run: bool = False,
    force: bool = False,
    rate: Rate | None = None,
    policy: ConsumerPolicy | None = None,
    clock: Clock | None = None,
) -> RebuildReport:
    """Reads the projector's topics from offset 0 to where the live consumer stands, compares, and
    swaps.

    `dry_run` stops before the swap, `force` swaps in spite of refusals, except for missing
    row-level security. `rate` is for what is read before the swap. Whatever raises or dies before
    the swap's commit leaves the live rows as they were. Raises RebuildRuns, and Transient.
    """
    policy = replace(
        policy or ConsumerPolicy(), inbox_remembers=NEVER_REMEMBERS, max_dead_letters=_MORE_THAN_ANYBODY_KEEPS
    )
    async with shadow_factory.shadow() as shadow:
        live = await shadow.live()
        async with logs.opened(live) as topic_log:
            reader = Reader(codec, projector.handlers, without=await shadow.discarded())
            shadow_writer = ShadowWriter(shadow.name, projector, reader, policy, clock or SystemClock())
            ahead = ReadAhead(topic_log, live)
            run = _Rebuild(shadow, shadow_writer, ahead, rate or Rate(), policy.max_records, progress)
            with rebuild_span(shadow.name):
                await shadow_writer.begin(live, shadow.transactions)
                return await run.to_the_end(dry_run=dry_run, force=force)


class _Rebuild:
    def __init__(
        self,
        shadow: Shadow,
        shadow_writer: ShadowWriter,
        ahead: ReadAhead,
        rate: Rate,
        max_records: int,
        progress: Callable[[Progress], None],
    ) -> None:
        self._shadow = shadow
        self._shadow_writer = shadow_writer
        self._ahead = ahead
        self._rate = rate
        self._max_records = max_records
        self._progress = progress
        self._begun = time.monotonic()

    async def to_the_end(self, *, dry_run: bool, force: bool) -> RebuildReport:
        for tries in range(1, SWAP_TRIES + 1):
            await self._process_up_to(await self._shadow.live())
            await self._shadow_writer.process_waiting(self._shadow.transactions)
            await self._ahead.read_on()
            BEFORE_SWAP.hit()
            try:
                async with self._shadow.swap() as swap:
                    return await self._swap(swap, dry_run=dry_run, force=force)
            except Transient as error:
                if tries == SWAP_TRIES:
                    raise
                log.info("swap_lock_timeout", consumer=self._shadow.name, error=str(error))
        raise AssertionError("the last try raises")

    async def _process_up_to(self, live: Mapping[Partition, ConsumerPosition]) -> None:
        """Never past the live consumer: the new rows are to hold exactly what the old ones do."""
        total = sum(consumer_position.next_offset for consumer_position in live.values())
        at_once = self._rate.at_once(self._max_records)
        for partition, consumer_position in live.items():
            while (records := await self._ahead.below(partition, consumer_position.next_offset, at_once)) is not None:
                if records:
                    await self._shadow_writer.take(partition, records, self._shadow.transactions)
                    self._shadow_writer.count(partition, records)
                    self._progress(Progress.since(self._begun, self._shadow_writer.records, total))
                    await self._rate.after(len(records))

    async def _swap(self, swap: Swap, *, dry_run: bool, force: bool) -> RebuildReport:
        records = self._shadow_writer.records + await self._process_rest(swap)
        comparison = await swap.compare(self._shadow_writer.tenants)
        return await swap_if_allowed(swap, comparison, records, self._begun, dry_run=dry_run, force=force)

    async def _process_rest(self, swap: Swap) -> int:
        """What the live consumer took in since: read already, or the swap waits. Nothing is noted,
        for it may be rolled back.
        """
        for partition, consumer_position in swap.live.items():
            known = self._shadow_writer.topic_ids.get(partition, consumer_position.topic_id)
            if consumer_position.topic_id != known:
                raise LiveIsAhead(f"{partition} is of another topic than the one that was read")
        rest = await self._ahead.rest(swap.live)
        for partition, records in rest.items():
            if records:
                await self._shadow_writer.take(partition, records, swap.transactions)
        await self._shadow_writer.process_waiting(swap.transactions)
        return sum(map(len, rest.values()))
