"""The swap at the end of a rebuild, the report of the rebuild, and its progress."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Self

import structlog

from waypost.engine.failpoints import failpoint
from waypost.kernel.errors import Transient
from waypost.ports.rebuild import ComparisonReport, InlineSwap, Swap

log = structlog.get_logger()

BEFORE_SWAP = failpoint("rebuild.before_swap")
BEFORE_COMMIT = failpoint("rebuild.before_commit")

SWAP_ATTEMPTS = 20
"""Each waits up to 2 s for writers of the live rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Records read so far."""

    records: int
    of: int
    """Records in the live rows; more may be added meanwhile."""
    records_per_second: float

    @classmethod
    def since(cls, started_at: float, records: int, of: int) -> Self:
        """The progress of a rebuild that began at `started_at`, a value of `time.monotonic`, and
        has read `records` of the `of` records of its topics.
        """
        return cls(records=records, of=of, records_per_second=records / max(time.monotonic() - started_at, 1e-6))


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildReport:
    """Result of a rebuild."""

    records: int
    seconds: float
    comparison: ComparisonReport
    refusals: Sequence[str]
    """Reasons against the swap; with `force`, the reasons that were overridden."""
    swapped: bool


async def swap_with_retries(
    swap: Callable[[], Awaitable[RebuildReport]], *, name: str, prepare: Callable[[], Awaitable[None]] | None = None
) -> RebuildReport:
    """Runs `prepare`, then `swap`, until the swap's locks are granted, 20 times at most.

    Raises the last Transient of `swap`, and every error of `prepare`.
    """
    for attempt in range(1, SWAP_ATTEMPTS + 1):
        if prepare is not None:
            await prepare()
        try:
            return await swap()
        except Transient as error:
            if attempt == SWAP_ATTEMPTS:
                raise
            log.info("swap_lock_timeout", consumer=name, error=str(error))
    raise AssertionError("the last attempt returns or raises")


async def swap_if_allowed(
    swap: Swap | InlineSwap,
    comparison: ComparisonReport,
    records: int,
    started_at: float,
    *,
    dry_run: bool,
    force: bool,
) -> RebuildReport:
    """Swaps unless a check refuses. Rows that other tenants could read are never swapped in."""
    refusals = _refusals_of(records, comparison)
    swapped = not dry_run and not comparison.unprotected and (force or not refusals)
    if swapped:
        await swap.complete()
        BEFORE_COMMIT.hit()
    return RebuildReport(
        records=records,
        seconds=time.monotonic() - started_at,
        comparison=comparison,
        refusals=refusals,
        swapped=swapped,
    )


def _refusals_of(records: int, comparison: ComparisonReport) -> Sequence[str]:
    """Reasons not to swap. A difference is not one: the rebuild may be intended to change rows."""
    refusals = []
    if comparison.unprotected:
        refusals.append(f"without row-level security or grants: {', '.join(comparison.unprotected)}")
    if records == 0:
        refusals.append("no record was read")
    elif comparison.missing_aggregates:
        refusals.append(
            f"the topics have lost events of {comparison.missing_aggregates} aggregates of the live rows; publish them"
            " again with `waypost events republish`"
        )
    if comparison.new_dead_letters > comparison.live_dead_letters:
        refusals.append(
            f"{comparison.new_dead_letters} dead letters are open, {comparison.live_dead_letters} before the rebuild"
        )
    return refusals
