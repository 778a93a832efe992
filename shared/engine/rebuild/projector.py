"""A projector's rows made anew from its topics while the old ones serve, and swapped in by one transaction."""

import asyncio
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import structlog

from shared.engine.consumer.batch import Batch
from shared.engine.consumer.effects import effects_of
from shared.engine.consumer.message import Reader
from shared.engine.consumer.pipeline import Pipeline
from shared.engine.consumer.policy import ConsumerPolicy
from shared.engine.consumer.taker import Taker
from shared.engine.rebuild.report import BEFORE_COMMIT, BEFORE_SWAP, SWAP_TRIES, Progress, RebuildReport, refusals_of
from shared.kernel.clock import Clock, SystemClock
from shared.kernel.envelope import Record
from shared.kernel.errors import Transient
from shared.kernel.ids import TenantId
from shared.ports.codec import EventCodec
from shared.ports.handlers import Projector
from shared.ports.inbox import Standing
from shared.ports.intake import Intakes
from shared.ports.rebuild import LiveIsAhead, Shadow, Swap, Workshop
from shared.ports.subscription import Partition
from shared.ports.topic_log import TopicLog, TopicLogs

log = structlog.get_logger()

READ_SECONDS = 0.2
READ_AHEAD_RECORDS = 20_000
"""Of one partition: held in memory, so that the swap finds whatever the live consumer takes in meanwhile."""

# The shadow's inbox knows no event that has a sequence: what is at or below its guard comes again, however young.
_REMEMBERS_NOTHING = timedelta(days=-1)

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
    policy: ConsumerPolicy | None = None,
    clock: Clock | None = None,
) -> RebuildReport:
    """Reads the projector's topics from offset 0 to where the live consumer stands, compares, and swaps.

    `dry_run` stops before the swap, `force` swaps in spite of refusals, except for missing row-level security. Whatever raises or dies
    before the swap's commit leaves the live rows as they were. Raises RebuildRuns, and Transient.
    """
    policy = replace(
        policy or ConsumerPolicy(), inbox_remembers=_REMEMBERS_NOTHING, max_open_letters=_MORE_THAN_ANYBODY_KEEPS
    )
    async with workshop.shadow() as shadow:
        live = await shadow.live()
        async with logs.opened(live) as topic_log:
            reader = Reader(codec, projector.handlers, without=await shadow.discarded())
            run = _Rebuild(projector, shadow, topic_log, reader, policy, clock or SystemClock(), progress)
            return await run.to_the_end(live, dry_run=dry_run, force=force)


class _Rebuild:
    def __init__(
        self,
        projector: Projector,
        shadow: Shadow,
        topic_log: TopicLog,
        reader: Reader,
        policy: ConsumerPolicy,
        clock: Clock,
        progress: Callable[[Progress], None],
    ) -> None:
        self._projector = projector
        self._shadow = shadow
        self._log = topic_log
        self._reader = reader
        self._policy = policy
        self._clock = clock
        self._progress = progress
        self._begun = time.monotonic()
        self._topic_ids: dict[Partition, UUID | None] = {}
        self._taken_in: dict[Partition, int] = {}
        """Up to which offset the new rows hold the topic."""
        self._ahead: dict[Partition, list[Record]] = {}
        """Read, not taken in."""
        self._tenants: set[TenantId] = set()
        self._records = 0

    async def to_the_end(self, live: Mapping[Partition, Standing], *, dry_run: bool, force: bool) -> RebuildReport:
        await self._begin(live)
        for tries in range(1, SWAP_TRIES + 1):
            await self._take_in_up_to(await self._shadow.live())
            await self._read_ahead()
            BEFORE_SWAP.hit()
            try:
                async with self._shadow.swap() as swap:
                    return await self._swap(swap, dry_run=dry_run, force=force)
            except Transient as error:
                if tries == SWAP_TRIES:
                    raise
                log.info("swap_waits", consumer=self._shadow.name, error=str(error))
        raise AssertionError("the last try raises")

    async def _begin(self, live: Mapping[Partition, Standing]) -> None:
        async with self._shadow.intakes.begin(()) as intake:
            for partition, standing in live.items():
                await intake.inbox.start_over(partition, standing.topic_id)
                self._topic_ids[partition] = standing.topic_id
                self._taken_in[partition] = 0
                self._ahead[partition] = []

    async def _take_in_up_to(self, live: Mapping[Partition, Standing]) -> None:
        """Never past the live consumer: the new rows are to hold exactly what the old ones do."""
        total = sum(standing.next_offset for standing in live.values())
        for partition, standing in live.items():
            while await self._take_in_some(partition, standing.next_offset):
                self._tell(total)

    async def _take_in_some(self, partition: Partition, until: int) -> bool:
        """False once everything below `until` is taken in."""
        ahead = self._ahead[partition]
        if not ahead:
            if await self._log.position(partition) >= until:
                return False
            ahead += await self._read(partition)
        batch = [record for record in ahead[: self._policy.max_records] if record.offset < until]
        if ahead and not batch:
            return False
        if batch:
            await self._take(partition, batch, self._shadow.intakes)
            self._taken_in[partition] = batch[-1].offset + 1
            self._records += len(batch)
            del ahead[: len(batch)]
        return True

    async def _read_ahead(self) -> None:
        for partition, end in (await self._log.end_offsets()).items():
            ahead = self._ahead[partition]
            while len(ahead) < READ_AHEAD_RECORDS and await self._log.position(partition) < end:
                ahead += await self._read(partition)

    async def _read(self, partition: Partition) -> Sequence[Record]:
        return await self._log.read(partition, max_records=self._policy.max_records, timeout_seconds=READ_SECONDS)

    async def _take(self, partition: Partition, records: Sequence[Record], intakes: Intakes) -> None:
        messages = self._reader.read_all(records)
        self._tenants |= {message.attributes.tenant_id for message in messages if message.attributes}
        await self._taker(intakes).take(
            Batch(
                partition=partition,
                expected=self._taken_in[partition],
                topic_id=self._topic_ids[partition],
                messages=messages,
            )
        )

    def _taker(self, intakes: Intakes) -> Taker:
        name, effects = self._shadow.name, effects_of(self._projector, self._shadow.name)
        pipeline = Pipeline(name, intakes, effects, self._policy, self._clock)
        return Taker(name, pipeline, intakes, self._policy, asyncio.Event())

    async def _swap(self, swap: Swap, *, dry_run: bool, force: bool) -> RebuildReport:
        records = self._records + await self._take_in_the_rest(swap)
        weighing = await swap.weigh(self._tenants)
        refusals = refusals_of(records, weighing)
        swapped = not dry_run and not weighing.unprotected and (force or not refusals)
        if swapped:
            await swap.complete()
            BEFORE_COMMIT.hit()
        return RebuildReport(
            name=self._shadow.name,
            records=records,
            seconds=time.monotonic() - self._begun,
            weighing=weighing,
            refusals=refusals,
            swapped=swapped,
        )

    async def _take_in_the_rest(self, swap: Swap) -> int:
        """What the live consumer took in since: read already, or the swap waits. Nothing is noted, for it may be rolled back."""
        taken_in = 0
        for partition, standing in swap.live.items():
            if standing.topic_id != self._topic_ids.get(partition, standing.topic_id):
                raise LiveIsAhead(f"{partition} is of another topic than the one that was read")
            if partition not in self._ahead or await self._log.position(partition) < standing.next_offset:
                raise LiveIsAhead(f"{partition} was not read up to {standing.next_offset} yet")
            rest = [record for record in self._ahead[partition] if record.offset < standing.next_offset]
            if rest:
                await self._take(partition, rest, swap.intakes)
                taken_in += len(rest)
        return taken_in

    def _tell(self, total: int) -> None:
        self._progress(Progress.since(self._begun, self._records, total))
