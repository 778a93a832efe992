"""What a rebuild says while it runs, and at its end."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from waypost.engine.failpoints import failpoint
from waypost.ports.rebuild import ComparisonReport, HistorySwap, Swap

BEFORE_SWAP = failpoint("rebuild.before_swap")
BEFORE_COMMIT = failpoint("rebuild.before_commit")

SWAP_TRIES = 20
"""Each waits 2 s at most for whoever writes the live rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    records: int
    of: int
    """What the live rows hold; there may be more meanwhile."""
    records_per_second: float

    @classmethod
    def since(cls, begun: float, records: int, of: int) -> Self:
        """`begun` by `time.monotonic`."""
        return cls(records=records, of=of, records_per_second=records / max(time.monotonic() - begun, 1e-6))


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildReport:
    records: int
    seconds: float
    comparison: ComparisonReport
    refusals: Sequence[str]
    """Why nothing was swapped; with `force`, what was put up with."""
    swapped: bool


async def swap_if_allowed(
    swap: Swap | HistorySwap, comparison: ComparisonReport, records: int, begun: float, *, dry_run: bool, force: bool
) -> RebuildReport:
    """Swaps, where it may be. Rows that other tenants could read are swapped in by nobody."""
    refusals = _refusals_of(records, comparison)
    swapped = not dry_run and not comparison.unprotected and (force or not refusals)
    if swapped:
        await swap.complete()
        BEFORE_COMMIT.hit()
    return RebuildReport(
        records=records, seconds=time.monotonic() - begun, comparison=comparison, refusals=refusals, swapped=swapped
    )


def _refusals_of(records: int, comparison: ComparisonReport) -> Sequence[str]:
    """Reasons not to swap. A difference is none: it may be what the rebuild is for."""
    refusals = []
    if comparison.unprotected:
        refusals.append(f"without row-level security or grants: {', '.join(comparison.unprotected)}")
    if records == 0:
        refusals.append("not one record was read")
    if comparison.new_dead_letters > comparison.live_dead_letters:
        refusals.append(f"{comparison.new_dead_letters} letters are open, {comparison.live_dead_letters} were before")
    return refusals
