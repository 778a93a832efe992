"""Rebuilds an async projection from its topics and swaps it in with one transaction."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

from waypost.engine.consumer.message import MessageParser
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.operator_rate import OperatorRate
from waypost.engine.rebuild.applied_decisions import AppliedDecisions
from waypost.engine.rebuild.catch_up import CatchUp, Counter
from waypost.engine.rebuild.folding_writer import FoldingWriter, row_per_aggregate_of
from waypost.engine.rebuild.forks import Report, in_forks
from waypost.engine.rebuild.parts import Positions, Processes
from waypost.engine.rebuild.read_ahead import ReadAhead
from waypost.engine.rebuild.shadow_writer import SHADOW_DUPLICATE_WINDOW, ShadowWriter, Written
from waypost.engine.rebuild.swap import Progress, RebuildReport, compare_and_swap, swap_if_allowed
from waypost.kernel.clock import Clock, SystemClock
from waypost.kernel.errors import Transient
from waypost.ports.codec import EventCodec
from waypost.ports.consumers import AsyncProjection, decrypts
from waypost.ports.rebuild import ComparisonReport, LivePositions, Shadow, ShadowBehind, ShadowFactory
from waypost.ports.topic_log import TopicLogs
from waypost.telemetry.messaging import rebuild_span

# The shadow's dead letters are not settled while it reads. The comparison before the swap checks
# their number.
_NO_LIMIT = sys.maxsize

REST_SECONDS = 60.0
"""Limit of the time for the records between the last round and the comparison or the swap."""


async def rebuild_async_projection(
    projection: AsyncProjection,
    shadow_factory: ShadowFactory,
    logs: TopicLogs,
    codec: EventCodec,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    dry_run: bool = False,
    force: bool = False,
    rate: OperatorRate | None = None,
    policy: ConsumerPolicy | None = None,
    clock: Clock | None = None,
    processes: Processes | None = None,
) -> RebuildReport:
    """Reads the projection's topics from offset 0 to the live consumer's position, compares on a
    snapshot, and swaps under locks.

    `dry_run` stops before the swap; `force` swaps despite refusals, except for missing row-level
    security or grants. `rate` limits the reads before the swap. `processes` read a long topic side
    by side; without them, or with a `rate`, this process reads alone. An error or a crash before
    the swap's commit leaves the live rows unchanged. Raises RebuildRuns, ShadowIncomplete,
    OperatorDecisionConflict, LogTruncated and Transient.
    """
    policy = (policy or ConsumerPolicy()).without_deferrals()
    policy = replace(policy, duplicate_window=SHADOW_DUPLICATE_WINDOW, max_dead_letters=_NO_LIMIT)
    rate, counter = rate or OperatorRate(), Counter(progress)
    async with shadow_factory.shadow() as shadow:
        parser = MessageParser(codec, projection.handlers)
        decisions = AppliedDecisions(parser, await shadow.operator_decisions())
        clock = clock or SystemClock()
        shadow_writer = ShadowWriter(shadow.name, projection, parser, policy, clock)
        rows = row_per_aggregate_of(projection)
        folding_writer = (
            FoldingWriter(shadow_writer, rows, parser, policy, clock, decrypts=decrypts(projection)) if rows else None
        )
        source = _Source(shadow, shadow_writer, folding_writer, logs, rate, policy.max_records)
        with rebuild_span(shadow.name):
            live = await shadow.live()
            async with shadow.transactions() as transactions:
                await shadow_writer.begin(live, transactions)
            if processes and not rate.is_limited:
                counter.aim(live)
                await source.read_in_forks(processes.divide(live), counter.add)
                counter.set(shadow_writer.records)  # without records that a fork could not store
            async with source.opened(live, shadow_writer, counter.add) as catch_up:
                rebuild = _Rebuild(shadow, shadow_writer, decisions, catch_up, counter)
                return await compare_and_swap(rebuild, name=shadow.name, dry_run=dry_run, force=force)


@dataclass(frozen=True, slots=True)
class _Source:
    """Opens topics and shadow, in this process or in a fork."""

    shadow: Shadow
    shadow_writer: ShadowWriter
    folding_writer: FoldingWriter | None
    """For a projection with one row per aggregate."""
    logs: TopicLogs
    rate: OperatorRate
    max_records: int

    @asynccontextmanager
    async def opened(
        self, positions: Positions, writer: ShadowWriter | FoldingWriter, report: Report
    ) -> AsyncIterator[CatchUp]:
        """Continues each partition after the records that were written."""
        async with self.shadow.transactions() as transactions, self.logs.opened(positions) as topic_log:
            topic_log.seek({partition: self.shadow_writer.next_offsets[partition] for partition in positions})
            ahead = ReadAhead(topic_log, positions)
            yield CatchUp(writer, ahead, transactions, self.rate, self.max_records, report)

    async def read_in_forks(self, parts: Iterable[Positions], report: Report) -> None:
        """Reads each part up to its positions in a separate process."""
        for written in await in_forks([partial(self._read, part) for part in parts], report):
            self.shadow_writer.add(written)

    async def _read(self, positions: Positions, report: Report) -> Written:
        async with self.opened(positions, self.folding_writer or self.shadow_writer, report) as catch_up:
            await catch_up.up_to(positions)
        return self.shadow_writer.written(positions)


class _Rebuild:
    """`waypost.engine.rebuild.swap.PreparedRebuild`."""

    def __init__(
        self,
        shadow: Shadow,
        shadow_writer: ShadowWriter,
        decisions: AppliedDecisions,
        catch_up: CatchUp,
        counter: Counter,
    ) -> None:
        self._shadow = shadow
        self._shadow_writer = shadow_writer
        self._decisions = decisions
        self._catch_up = catch_up
        self._counter = counter

    async def catch_up(self) -> None:
        """Processes records up to the live consumer's position and reads ahead. Raises
        OperatorDecisionConflict and Transient.
        """
        self._decisions.update(await self._shadow.operator_decisions(), self._shadow_writer.next_offsets)
        live = await self._shadow.live()
        self._counter.aim(live)
        await self._catch_up.up_to(live)
        await self._shadow_writer.end_pauses(self._catch_up.transactions)
        await self._shadow_writer.process_parked(self._catch_up.transactions)
        await self._catch_up.ahead.fill()

    async def compare(self) -> RebuildReport:
        """Processes the rest and compares in one transaction, which is rolled back. Raises
        ShadowIncomplete and Transient.
        """
        async with self._shadow.snapshot() as snapshot:
            records = await self._process_rest(snapshot)
            comparison = await snapshot.compare(self._shadow_writer.tenants)
        return RebuildReport.before_swap(comparison, records, self._counter.started_at)

    async def swap(self, comparison: ComparisonReport, *, force: bool) -> RebuildReport:
        """Processes the rest and swaps in one transaction. Raises ShadowIncomplete,
        OperatorDecisionConflict and Transient.
        """
        async with self._shadow.swap() as swap:
            self._decisions.update(await swap.operator_decisions(), self._shadow_writer.next_offsets)
            records = await self._process_rest(swap)
            checked = await swap.check(comparison)
            report = RebuildReport.before_swap(checked, records, self._counter.started_at)
            return await swap_if_allowed(swap, report, force=force)

    async def _process_rest(self, transaction: LivePositions) -> int:
        """Processes the records that the live consumer processed since, from memory. Not counted,
        because the transaction may be rolled back. Returns the number of all records. Raises
        ShadowBehind for records that were not read yet, and Transient if it takes too long: the
        session may have ended, and a batch is retried without a limit.
        """
        try:
            async with asyncio.timeout(REST_SECONDS):
                return await self._write_rest(transaction)
        except TimeoutError as error:
            raise Transient(f"the last records were not processed within {REST_SECONDS:g} s") from error

    async def _write_rest(self, transaction: LivePositions) -> int:
        self._shadow_writer.refuse_losses(transaction.shadow)
        for partition, consumer_position in transaction.live.items():
            known = self._shadow_writer.topic_ids.get(partition, consumer_position.topic_id)
            if consumer_position.topic_id != known:
                raise ShadowBehind(f"{partition} belongs to a topic that was recreated since it was read")
        rest = await self._catch_up.ahead.rest(transaction.live)
        for partition, records in rest.items():
            if records:
                await self._shadow_writer.write(partition, records, transaction.transactions)
        await self._shadow_writer.process_parked(transaction.transactions)
        return self._shadow_writer.records + sum(map(len, rest.values()))
