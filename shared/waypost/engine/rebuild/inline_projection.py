"""Rebuilds an inline projection from the service's event store."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from waypost.engine.projections import project
from waypost.engine.rate import Rate
from waypost.engine.rebuild.swap import BEFORE_SWAP, Progress, RebuildReport, swap_if_allowed, swap_with_retries
from waypost.kernel.errors import Permanent, WaypostError
from waypost.kernel.tenant import bound_tenants
from waypost.ports.consumers import InlineProjection
from waypost.ports.rebuild import InlineShadow, InlineShadowFactory, InlineShadowTransaction, InlineSwap, StoredEvent

CHUNK = 500
"""Events per transaction."""


async def rebuild_inline_projection(
    projection: InlineProjection,
    shadow_factory: InlineShadowFactory,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    dry_run: bool = False,
    force: bool = False,
    rate: Rate | None = None,
) -> RebuildReport:
    """Reads every stored event, locks the event store, reads the events stored meanwhile, compares
    and swaps.

    Options and promises are those of `rebuild_async_projection`. Raises RebuildRuns, Transient, and
    Permanent where a handler fails, because inline projections have no dead letters.
    """
    started_at = time.monotonic()
    async with shadow_factory.shadow() as shadow:
        records = await _process_all(projection, shadow, started_at, progress, rate or Rate())
        BEFORE_SWAP.hit()
        attempt = partial(_attempt, projection, shadow, records, started_at, dry_run=dry_run, force=force)
        return await swap_with_retries(attempt, name=projection.name)


async def _attempt(
    projection: InlineProjection, shadow: InlineShadow, records: int, started_at: float, *, dry_run: bool, force: bool
) -> RebuildReport:
    with _handler_errors_as_permanent(projection):
        async with shadow.swap() as swap:
            return await _swap(projection, swap, records, started_at, dry_run=dry_run, force=force)


async def _process_all(
    projection: InlineProjection,
    shadow: InlineShadow,
    started_at: float,
    progress: Callable[[Progress], None],
    rate: Rate,
) -> int:
    records, total = 0, await shadow.count()
    async for events in shadow.all(rate.at_once(CHUNK)):
        with _handler_errors_as_permanent(projection):
            async with shadow.transaction() as transaction:
                await _process(projection, events, transaction)
        records += len(events)
        progress(Progress.since(started_at, records, max(total, records)))
        await rate.after(len(events))
    return records


async def _process(
    projection: InlineProjection, events: Sequence[StoredEvent], transaction: InlineShadowTransaction
) -> None:
    tenants = {event.tenant_id for event in events}
    await transaction.bind(tenants)
    with bound_tenants(tenants):
        await project([event.envelope for event in events if event.envelope], projection.handlers, transaction.rows)
    await transaction.mark_processed(events)


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


async def _swap(
    projection: InlineProjection, swap: InlineSwap, records: int, started_at: float, *, dry_run: bool, force: bool
) -> RebuildReport:
    async for events in swap.missing(CHUNK):
        await _process(projection, events, swap)
        records += len(events)
    return await swap_if_allowed(swap, await swap.compare(), records, started_at, dry_run=dry_run, force=force)
