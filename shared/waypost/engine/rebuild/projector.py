"""A projector's rows made anew from its topics while the old ones serve, and swapped in by one transaction."""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog

from waypost.engine.consumer.message import Reader
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.rate import Rate
from waypost.engine.rebuild.filling import NEVER_REMEMBERS, Filling
from waypost.engine.rebuild.reading import ReadAhead
from waypost.engine.rebuild.report import BEFORE_SWAP, SWAP_TRIES, Progress, RebuildReport, decided
from waypost.kernel.clock import Clock, SystemClock
from waypost.kernel.errors import Transient
from waypost.ports.codec import EventCodec
from waypost.ports.handlers import Projector
from waypost.ports.inbox import Standing
from waypost.ports.rebuild import LiveIsAhead, Shadow, Swap, Workshop
from waypost.ports.subscription import Partition
from waypost.ports.topic_log import TopicLogs
from waypost.telemetry.messaging import rebuild_span

log = structlog.get_logger()

# Nobody settles the shadow's letters while it reads; more than the live ones speak against the swap.
_MORE_THAN_ANYBODY_KEEPS = sys.maxsize


async def rebuild(
    projector: Projector,
    workshop: Workshop,
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
    """Reads the projector's topics from offset 0 to where the live consumer stands, compares, and swaps.

    `dry_run` stops before the swap, `force` swaps in spite of refusals, except for missing row-level security. `rate` is for what is read
    before the swap. Whatever raises or dies before the swap's commit leaves the live rows as they were. Raises RebuildRuns, and Transient.
    """
    policy = replace(
        policy or ConsumerPolicy(), inbox_remembers=NEVER_REMEMBERS, max_open_letters=_MORE_THAN_ANYBODY_KEEPS
    )
    async with workshop.shadow() as shadow:
        live = await shadow.live()
        async with logs.opened(live) as topic_log:
            reader = Reader(codec, projector.handlers, without=await shadow.discarded())
            filling = Filling(shadow.name, projector, reader, policy, clock or SystemClock())
            ahead = ReadAhead(topic_log, live)
            run = _Rebuild(shadow, filling, ahead, rate or Rate(), policy.max_records, progress)
            with rebuild_span(shadow.name):
                await filling.begin(live, shadow.intakes)
                return await run.to_the_end(dry_run=dry_run, force=force)


class _Rebuild:
    def __init__(
        self,
        shadow: Shadow,
        filling: Filling,
        ahead: ReadAhead,
        rate: Rate,
        max_records: int,
        progress: Callable[[Progress], None],
    ) -> None:
        self._shadow = shadow
        self._filling = filling
        self._ahead = ahead
        self._rate = rate
        self._max_records = max_records
        self._progress = progress
        self._begun = time.monotonic()

    async def to_the_end(self, *, dry_run: bool, force: bool) -> RebuildReport:
        for tries in range(1, SWAP_TRIES + 1):
            await self._take_in_up_to(await self._shadow.live())
            await self._filling.take_in_what_waits(self._shadow.intakes)
            await self._ahead.read_on()
            BEFORE_SWAP.hit()
            try:
                async with self._shadow.swap() as swap:
                    return await self._swap(swap, dry_run=dry_run, force=force)
            except Transient as error:
                if tries == SWAP_TRIES:
                    raise
                log.info("swap_waits", consumer=self._shadow.name, error=str(error))
        raise AssertionError("the last try raises")

    async def _take_in_up_to(self, live: Mapping[Partition, Standing]) -> None:
        """Never past the live consumer: the new rows are to hold exactly what the old ones do."""
        total = sum(standing.next_offset for standing in live.values())
        at_once = self._rate.at_once(self._max_records)
        for partition, standing in live.items():
            while (records := await self._ahead.below(partition, standing.next_offset, at_once)) is not None:
                if records:
                    await self._filling.take(partition, records, self._shadow.intakes)
                    self._filling.count(partition, records)
                    self._progress(Progress.since(self._begun, self._filling.records, total))
                    await self._rate.after(len(records))

    async def _swap(self, swap: Swap, *, dry_run: bool, force: bool) -> RebuildReport:
        records = self._filling.records + await self._take_in_the_rest(swap)
        weighing = await swap.weigh(self._filling.tenants)
        return await decided(swap, weighing, records, self._begun, dry_run=dry_run, force=force)

    async def _take_in_the_rest(self, swap: Swap) -> int:
        """What the live consumer took in since: read already, or the swap waits. Nothing is noted, for it may be rolled back."""
        for partition, standing in swap.live.items():
            known = self._filling.topic_ids.get(partition, standing.topic_id)
            if standing.topic_id != known:
                raise LiveIsAhead(f"{partition} is of another topic than the one that was read")
        rest = await self._ahead.rest(swap.live)
        for partition, records in rest.items():
            if records:
                await self._filling.take(partition, records, swap.intakes)
        await self._filling.take_in_what_waits(swap.intakes)
        return sum(map(len, rest.values()))
