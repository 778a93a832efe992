"""A projection of the service's own events, made anew from the event store."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import structlog

from waypost.engine.projections import project
from waypost.engine.rate import Rate
from waypost.engine.rebuild.report import BEFORE_SWAP, SWAP_TRIES, Progress, RebuildReport, decided
from waypost.kernel.errors import Permanent, Transient, WaypostError
from waypost.kernel.tenant import bound_tenants
from waypost.ports.handlers import Projection
from waypost.ports.rebuild import History, HistoryIntake, HistorySwap, HistoryWorkshop, StoredEvent

log = structlog.get_logger()

CHUNK = 500
"""Events of one transaction."""


async def rebuild_projection(
    projection: Projection,
    workshop: HistoryWorkshop,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    dry_run: bool = False,
    force: bool = False,
    rate: Rate | None = None,
) -> RebuildReport:
    """Reads every stored event, then, while nobody appends, those that were missed; compares, and swaps.

    Options and promises as with a projector's rebuild. Raises RebuildRuns, Transient, and Permanent where a handler fails: there are no
    letters.
    """
    begun = time.monotonic()
    async with workshop.history() as history:
        records = await _take_in_all(projection, history, begun, progress, rate or Rate())
        BEFORE_SWAP.hit()
        for tries in range(1, SWAP_TRIES + 1):
            try:
                with _told(projection):
                    async with history.swap() as swap:
                        return await _swap(projection, swap, records, begun, dry_run=dry_run, force=force)
            except Transient as error:
                if tries == SWAP_TRIES:
                    raise
                log.info("swap_waits", projection=projection.name, error=str(error))
    raise AssertionError("the last try raises")


async def _take_in_all(
    projection: Projection, history: History, begun: float, progress: Callable[[Progress], None], rate: Rate
) -> int:
    records, total = 0, await history.count()
    async for events in history.all(rate.at_once(CHUNK)):
        with _told(projection):
            async with history.intake() as intake:
                await _take_in(projection, events, intake)
        records += len(events)
        progress(Progress.since(begun, records, max(total, records)))
        await rate.after(len(events))
    return records


async def _take_in(projection: Projection, events: Sequence[StoredEvent], intake: HistoryIntake) -> None:
    tenants = {event.tenant_id for event in events}
    await intake.bind(tenants)
    with bound_tenants(tenants):
        await project([event.envelope for event in events if event.envelope], projection.handlers, intake.rows)
    await intake.note(events)


@contextmanager
def _told(projection: Projection) -> Iterator[None]:
    """What a handler raises, in a line. Around the transaction, which tells the database's passing failures."""
    try:
        yield
    except WaypostError:
        raise
    except Exception as error:
        raise Permanent(f"a handler of {projection.name} failed, nothing was changed: {error!r}") from error


async def _swap(
    projection: Projection, swap: HistorySwap, records: int, begun: float, *, dry_run: bool, force: bool
) -> RebuildReport:
    async for events in swap.missing(CHUNK):
        await _take_in(projection, events, swap)
        records += len(events)
    return await decided(swap, await swap.weigh(), records, begun, dry_run=dry_run, force=force)
