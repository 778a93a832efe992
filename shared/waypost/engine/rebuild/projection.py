"""A projection of the service's own events, made anew from the event store."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import structlog

from waypost.engine.projections import project
from waypost.engine.rate import Rate
from waypost.engine.rebuild.report import BEFORE_SWAP, SWAP_TRIES, Progress, RebuildReport, swap_if_allowed
from waypost.kernel.errors import Permanent, Transient, WaypostError
from waypost.kernel.tenant import bound_tenants
from waypost.ports.consumers import InlineProjection
from waypost.ports.rebuild import History, HistoryShadowFactory, HistorySwap, HistoryTransaction, StoredEvent

log = structlog.get_logger()

CHUNK = 500
"""Events of one transaction."""


async def rebuild_projection(
    projection: InlineProjection,
    shadow_factory: HistoryShadowFactory,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    dry_run: bool = False,
    force: bool = False,
    rate: Rate | None = None,
) -> RebuildReport:
    """Reads every stored event, then, while nobody appends, those that were missed; compares, and
    swaps.

    Options and promises as with a projector's rebuild. Raises RebuildRuns, Transient, and Permanent
    where a handler fails: there are no letters.
    """
    begun = time.monotonic()
    async with shadow_factory.history() as history:
        records = await _process_all(projection, history, begun, progress, rate or Rate())
        BEFORE_SWAP.hit()
        for tries in range(1, SWAP_TRIES + 1):
            try:
                with _told(projection):
                    async with history.swap() as swap:
                        return await _swap(projection, swap, records, begun, dry_run=dry_run, force=force)
            except Transient as error:
                if tries == SWAP_TRIES:
                    raise
                log.info("swap_lock_timeout", projection=projection.name, error=str(error))
    raise AssertionError("the last try raises")


async def _process_all(
    projection: InlineProjection, history: History, begun: float, progress: Callable[[Progress], None], rate: Rate
) -> int:
    records, total = 0, await history.count()
    async for events in history.all(rate.at_once(CHUNK)):
        with _told(projection):
            async with history.transaction() as transaction:
                await _process(projection, events, transaction)
        records += len(events)
        progress(Progress.since(begun, records, max(total, records)))
        await rate.after(len(events))
    return records


async def _process(
    projection: InlineProjection, events: Sequence[StoredEvent], transaction: HistoryTransaction
) -> None:
    tenants = {event.tenant_id for event in events}
    await transaction.bind(tenants)
    with bound_tenants(tenants):
        await project([event.envelope for event in events if event.envelope], projection.handlers, transaction.rows)
    await transaction.note(events)


@contextmanager
def _told(projection: InlineProjection) -> Iterator[None]:
    """What a handler raises, in a line. Around the transaction, which tells the database's passing
    failures.
    """
    try:
        yield
    except WaypostError:
        raise
    except Exception as error:
        raise Permanent(f"a handler of {projection.name} failed, nothing was changed: {error!r}") from error


async def _swap(
    projection: InlineProjection, swap: HistorySwap, records: int, begun: float, *, dry_run: bool, force: bool
) -> RebuildReport:
    async for events in swap.missing(CHUNK):
        await _process(projection, events, swap)
        records += len(events)
    return await swap_if_allowed(swap, await swap.compare(), records, begun, dry_run=dry_run, force=force)
