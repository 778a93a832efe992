"""The end of a rebuild: the comparison without locks, the swap under locks, and their report."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, Self

import structlog

from waypost.engine.failpoints import failpoint
from waypost.kernel.errors import Transient
from waypost.ports.inline_rebuild import InlineSwap
from waypost.ports.rebuild import ComparisonReport, Swap

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

    @classmethod
    def before_swap(cls, comparison: ComparisonReport, records: int, started_at: float) -> Self:
        return cls(
            records=records,
            seconds=time.monotonic() - started_at,
            comparison=comparison,
            refusals=_refusals_of(records, comparison),
            swapped=False,
        )

    def may_swap(self, *, force: bool) -> bool:
        """Rows that other tenants could read are never swapped in."""
        return not self.comparison.unprotected and (force or not self.refusals)


class PreparedRebuild(Protocol):
    """A rebuild whose new rows are nearly those of the live records."""

    async def catch_up(self) -> None:
        """Processes the records since the last call, without a lock. Raises Transient."""
        ...

    async def compare(self) -> RebuildReport:
        """Compares every row on one snapshot, without a lock, and changes nothing. Raises
        Transient.
        """
        ...

    async def swap(self, comparison: ComparisonReport, *, force: bool) -> RebuildReport:
        """Processes the rest under locks, and swaps by `swap_if_allowed`. Raises Transient."""
        ...


async def compare_and_swap(rebuild: PreparedRebuild, *, name: str, dry_run: bool, force: bool) -> RebuildReport:
    """Compares first, because the comparison reads all rows: under the locks of the swap, the
    writers of the live rows would wait for it.
    """
    report = await _with_retries(rebuild.compare, rebuild.catch_up, name)
    if dry_run or not report.may_swap(force=force):
        return report

    async def catch_up() -> None:
        await rebuild.catch_up()
        BEFORE_SWAP.hit()

    return await _with_retries(partial(rebuild.swap, report.comparison, force=force), catch_up, name)


async def _with_retries(
    step: Callable[[], Awaitable[RebuildReport]], catch_up: Callable[[], Awaitable[None]], name: str
) -> RebuildReport:
    """Catches up, then runs the step, until it succeeds, 20 times at most.

    Raises the last Transient of the step, and every error of `catch_up`.
    """
    for attempt in range(1, SWAP_ATTEMPTS + 1):
        await catch_up()
        try:
            return await step()
        except Transient as error:
            if attempt == SWAP_ATTEMPTS:
                raise
            log.info("swap_lock_timeout", consumer=name, error=str(error))
    raise AssertionError("the last attempt returns or raises")


async def swap_if_allowed(swap: Swap | InlineSwap, report: RebuildReport, *, force: bool) -> RebuildReport:
    """Swaps unless a check refuses."""
    if not report.may_swap(force=force):
        return report
    await swap.complete()
    BEFORE_COMMIT.hit()
    return replace(report, swapped=True)


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
    elif comparison.missing_rows:
        refusals.append(
            f"the new tables lack {comparison.missing_rows} live rows, or fill a column that is empty in the live row,"
            " because the topics have lost their records; publish them again with `waypost events republish`"
        )
    if comparison.new_dead_letters > comparison.live_dead_letters:
        refusals.append(
            f"{comparison.new_dead_letters} dead letters are open, {comparison.live_dead_letters} before the rebuild"
        )
    return refusals
