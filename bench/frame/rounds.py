"""Runs the arms of a row in turns, within a time limit."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count

from bench.frame.durability import require_equal_durability
from bench.frame.own_loop import on_uvloop
from bench.frame.progress import Progress
from bench.frame.row import OURS, Arm, Row, Sample, Scale
from bench.frame.servers import Servers
from bench.frame.statistics import ratio_of_pairs

CONTROL = "control"
"""Our own arm once more: its ratio to ours shows the noise of the machine."""
QUIET = (0.95, 1.05)
"""Bounds of the control."""
NOISY_BUDGETS = 3
Samples = Mapping[str, Sequence[Sample]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    samples: Samples
    """By arm, one per round."""
    durability: Mapping[str, str]
    """The settings that all arms share."""
    seconds: float = 0.0
    """The time of the whole row, its set-up included."""


class RowTimedOut(Exception):
    """A row did not end within its deadline. Its programs and servers are stopped."""


async def measure(row: Row, scale: Scale) -> Measured:
    """Raises RowTimedOut."""
    progress = Progress(row)
    async with limited(row, progress), row.servers() as servers:
        measured = await on_uvloop(_measure(row, servers, scale, progress))
    return replace(measured, seconds=round(progress.seconds, 1))


async def measure_ours(row: Row, scale: Scale) -> Sample:
    """One run of our arm alone, without a warm-up. Raises RowTimedOut."""

    async def ours(servers: Servers) -> Sample:
        async with row.arms(servers, scale) as arms:
            return await arms[0].run()

    async with limited(row, Progress(row)), row.servers() as servers:
        return await on_uvloop(ours(servers))


@asynccontextmanager
async def limited(row: Row, progress: Progress) -> AsyncIterator[None]:
    """Cancels the block at the row's deadline, and raises RowTimedOut."""
    limit = asyncio.timeout(row.deadline_seconds)
    try:
        async with limit:
            yield
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise RowTimedOut(
            f"{row.id} did not end within {row.deadline_seconds:.0f} s, and was stopped.\n"
            f"  why:   after: {progress.latest}; an arm waits for work that never ends, or the machine is slow\n"
            f"  to do: run `make bench ROW={row.id}` alone on a quiet machine; if the same arm stands still, repair it"
        ) from error


async def _measure(row: Row, servers: Servers, scale: Scale, progress: Progress) -> Measured:
    progress.tell("the servers run")
    async with row.arms(servers, scale) as arms:
        require_equal_durability(arms)
        progress.tell("the arms are prepared")
        if row.once:
            samples = await in_turns(row, arms, progress)
        else:
            for arm in arms:
                await arm.run()
                progress.tell(f"warm-up of {arm.name}")
            samples = await in_turns(row, [*arms, replace(arms[0], name=CONTROL)], progress)
        return Measured(samples=samples, durability=arms[0].durability)


async def in_turns(row: Row, arms: Sequence[Arm], progress: Progress) -> Samples:
    """ABBA: every second round has the reverse order, so that no arm always follows another. Ends
    after a pair of rounds, as soon as `is_enough` allows it.
    """
    samples: dict[str, list[Sample]] = {arm.name: [] for arm in arms}
    for number in count():
        is_pair = number % 2 == 0
        if number and is_pair and is_enough(row, samples, progress.seconds):
            break
        for arm in arms if is_pair else reversed(arms):
            samples[arm.name].append(await arm.run())
            progress.tell_sample(number + 1, arm.name, samples[arm.name][-1])
        if row.once:
            break
    return samples


def is_enough(row: Row, samples: Samples, seconds: float) -> bool:
    """Whether the rounds or the budget of a row are used up. A noisy row continues to
    `NOISY_BUDGETS` times its budget: only the control decides, never the ratio to a peer.
    """
    if len(samples[OURS]) < row.rounds and seconds <= row.budget_seconds:
        return False
    return is_quiet(control_of(row, samples)) or seconds > NOISY_BUDGETS * row.budget_seconds


def control_of(row: Row, samples: Samples) -> float:
    """The median ratio of our arm to itself."""
    figures = ([row.goals[0].measure.of(sample) for sample in samples[name]] for name in (CONTROL, OURS))
    return ratio_of_pairs(*figures).median


def is_quiet(control: float) -> bool:
    return QUIET[0] <= control <= QUIET[1]
