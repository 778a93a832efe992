"""Rebuilds an inline projection from the service's event store."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from waypost.engine.operator_rate import OperatorRate
from waypost.engine.projections import project
from waypost.engine.rebuild.swap import Progress, RebuildReport, compare_and_swap, swap_if_allowed
from waypost.kernel.errors import Permanent, WaypostError
from waypost.kernel.ids import TenantId
from waypost.kernel.tenant import bound_tenants
from waypost.ports.consumers import InlineProjection
from waypost.ports.inline_rebuild import InlineShadow, InlineShadowFactory, InlineShadowTransaction, StoredEvent
from waypost.ports.rebuild import ComparisonReport

CHUNK = 500
"""Events per transaction."""


async def rebuild_inline_projection(
    projection: InlineProjection,
    shadow_factory: InlineShadowFactory,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    dry_run: bool = False,
    force: bool = False,
    rate: OperatorRate | None = None,
) -> RebuildReport:
    """Reads the stored events in rounds, each only those since the round before. Compares on a
    snapshot. Then locks the event store, reads the events since the last round, and swaps.

    Options and promises are those of `rebuild_async_projection`. Raises RebuildRuns, Transient, and
    Permanent where a handler fails, because inline projections have no dead letters.
    """
    async with shadow_factory.shadow() as shadow:
        rebuild = _Rebuild(projection, shadow, rate or OperatorRate(), progress, of=await shadow.count())
        return await compare_and_swap(rebuild, name=projection.name, dry_run=dry_run, force=force)


class _Rebuild:
    """`waypost.engine.rebuild.swap.PreparedRebuild`."""

    def __init__(
        self,
        projection: InlineProjection,
        shadow: InlineShadow,
        rate: OperatorRate,
        progress: Callable[[Progress], None],
        *,
        of: int,
    ) -> None:
        self._projection = projection
        self._shadow = shadow
        self._rate = rate
        self._progress = progress
        self._of = of
        self._started_at = time.monotonic()
        self._records = 0
        self._tenants: set[TenantId] = set()
        self._position = 0
        """The position of the last event whose rows are committed."""

    async def catch_up(self) -> None:
        """Ends after a round of less than one chunk, so that little is left for the lock."""
        while await self._round() >= CHUNK:
            pass

    async def compare(self) -> RebuildReport:
        with _handler_errors_as_permanent(self._projection):
            async with self._shadow.snapshot() as snapshot:
                records = self._records + await self._process_rest(snapshot)
                comparison = await snapshot.compare(self._tenants)
        return RebuildReport.before_swap(comparison, records, self._started_at)

    async def swap(self, comparison: ComparisonReport, *, force: bool) -> RebuildReport:
        with _handler_errors_as_permanent(self._projection):
            async with self._shadow.swap() as swap:
                records = self._records + await self._process_rest(swap)
                checked = await swap.check(comparison)
                report = RebuildReport.before_swap(checked, records, self._started_at)
                return await swap_if_allowed(swap, report, force=force)

    async def _round(self) -> int:
        """Processes the events up to a stable position. Returns their number."""
        stable, before = await self._shadow.stable_position(), self._records
        while events := await self._process_chunk(stable):
            self._position = events[-1].position
            self._records += len(events)
            self._progress(Progress.since(self._started_at, self._records, max(self._of, self._records)))
            await self._rate.after(len(events))
        return self._records - before

    async def _process_chunk(self, stable: int) -> Sequence[StoredEvent]:
        with _handler_errors_as_permanent(self._projection):
            async with self._shadow.transaction() as transaction:
                events = await transaction.events(self._position, self._rate.at_once(CHUNK), up_to=stable)
                await self._process(events, transaction)
        return events

    async def _process_rest(self, transaction: InlineShadowTransaction) -> int:
        """Processes all later events. Not counted, because the transaction may be rolled back."""
        position, records = self._position, 0
        while events := await transaction.events(position, CHUNK):
            await self._process(events, transaction)
            position = events[-1].position
            records += len(events)
        return records

    async def _process(self, events: Sequence[StoredEvent], transaction: InlineShadowTransaction) -> None:
        tenants = {event.tenant_id for event in events}
        self._tenants |= tenants
        await transaction.bind(tenants)
        envelopes = [event.envelope for event in events if event.envelope]
        with bound_tenants(tenants):
            await project(envelopes, self._projection.handlers, transaction.rows)


@contextmanager
def _handler_errors_as_permanent(projection: InlineProjection) -> Iterator[None]:
    """Raises a handler's error as Permanent. Outermost, so that errors of the database are classed
    as transient first.
    """
    try:
        yield
    except WaypostError:
        raise
    except Exception as error:
        raise Permanent(f"a handler of {projection.name} failed; nothing was changed: {error!r}") from error
