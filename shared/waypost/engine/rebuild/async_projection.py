"""Rebuilds an async projection from its topics and swaps it in with one transaction."""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from waypost.engine.consumer.message import MessageParser
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.rate import Rate
from waypost.engine.rebuild.read_ahead import ReadAhead
from waypost.engine.rebuild.shadow_writer import SHADOW_DUPLICATE_WINDOW, ShadowWriter
from waypost.engine.rebuild.swap import BEFORE_SWAP, Progress, RebuildReport, swap_if_allowed, swap_with_retries
from waypost.kernel.clock import Clock, SystemClock
from waypost.ports.codec import EventCodec
from waypost.ports.consumers import AsyncProjection
from waypost.ports.inbox import ConsumerPosition
from waypost.ports.rebuild import LiveIsAhead, Shadow, ShadowFactory, Swap
from waypost.ports.subscription import Partition
from waypost.ports.topic_log import TopicLogs
from waypost.telemetry.messaging import rebuild_span

# The shadow's dead letters are not settled while it reads. The comparison before the swap checks
# their number.
_NO_LIMIT = sys.maxsize


async def rebuild_async_projection(
    projection: AsyncProjection,
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
    """Reads the projection's topics from offset 0 to the live consumer's position, compares, and
    swaps.

    `dry_run` stops before the swap; `force` swaps despite refusals, except for missing row-level
    security or grants. `rate` limits the reads before the swap. An error or a crash before the
    swap's commit leaves the live rows unchanged. Raises RebuildRuns and Transient.
    """
    policy = replace(policy or ConsumerPolicy(), duplicate_window=SHADOW_DUPLICATE_WINDOW, max_dead_letters=_NO_LIMIT)
    async with shadow_factory.shadow() as shadow:
        live = await shadow.live()
        async with logs.opened(live) as topic_log:
            parser = MessageParser(codec, projection.handlers, without=await shadow.discarded())
            shadow_writer = ShadowWriter(shadow.name, projection, parser, policy, clock or SystemClock())
            ahead = ReadAhead(topic_log, live)
            run = _Rebuild(shadow, shadow_writer, ahead, rate or Rate(), policy.max_records, progress)
            with rebuild_span(shadow.name):
                await shadow_writer.begin(live, shadow.transactions)
                swap = partial(run.swap, dry_run=dry_run, force=force)
                return await swap_with_retries(swap, name=shadow.name, prepare=run.catch_up)


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
        self._started_at = time.monotonic()

    async def catch_up(self) -> None:
        """Processes records up to the live consumer's position and reads ahead. Raises
        Transient.
        """
        await self._process_up_to(await self._shadow.live())
        await self._shadow_writer.process_parked(self._shadow.transactions)
        await self._ahead.fill()
        BEFORE_SWAP.hit()

    async def swap(self, *, dry_run: bool, force: bool) -> RebuildReport:
        """Processes the rest, compares and swaps in one transaction. Raises Transient."""
        async with self._shadow.swap() as swap:
            return await self._complete(swap, dry_run=dry_run, force=force)

    async def _process_up_to(self, live: Mapping[Partition, ConsumerPosition]) -> None:
        """Never beyond the live position, so that the new rows hold exactly the same records as the
        live ones.
        """
        total = sum(consumer_position.next_offset for consumer_position in live.values())
        at_once = self._rate.at_once(self._max_records)
        for partition, consumer_position in live.items():
            while (records := await self._ahead.below(partition, consumer_position.next_offset, at_once)) is not None:
                if records:
                    await self._shadow_writer.write(partition, records, self._shadow.transactions)
                    self._shadow_writer.count(partition, records)
                    self._progress(Progress.since(self._started_at, self._shadow_writer.records, total))
                    await self._rate.after(len(records))

    async def _complete(self, swap: Swap, *, dry_run: bool, force: bool) -> RebuildReport:
        records = self._shadow_writer.records + await self._process_rest(swap)
        comparison = await swap.compare(self._shadow_writer.tenants)
        return await swap_if_allowed(swap, comparison, records, self._started_at, dry_run=dry_run, force=force)

    async def _process_rest(self, swap: Swap) -> int:
        """Processes the records that the live consumer processed since, from memory. Not counted,
        because the swap may be rolled back. Raises LiveIsAhead for records that were not read yet.
        """
        for partition, consumer_position in swap.live.items():
            known = self._shadow_writer.topic_ids.get(partition, consumer_position.topic_id)
            if consumer_position.topic_id != known:
                raise LiveIsAhead(f"{partition} belongs to a topic that was recreated since it was read")
        rest = await self._ahead.rest(swap.live)
        for partition, records in rest.items():
            if records:
                await self._shadow_writer.write(partition, records, swap.transactions)
        await self._shadow_writer.process_parked(swap.transactions)
        return sum(map(len, rest.values()))
