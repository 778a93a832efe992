"""Follows every page of `docs/guide` exactly, in a copy of the project: its files, its edits, its
commands. `make guides` runs it.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from functools import cache
from pathlib import Path

import pytest

from tests.guides.guide_run import STEP_SECONDS, GuideRun
from tests.guides.pages import GUIDES
from tests.guides.steps import Run, Step, steps_of
from waypost.testing.folders import scratch_folder


def up_to_each_command(guide: Path) -> Iterator[list[Step]]:
    steps = steps_of(guide.read_text())
    return (steps[:index] for index, step in enumerate(steps, start=1) if isinstance(step, Run))


@pytest.fixture(scope="module")
async def run_of() -> AsyncIterator[Callable[[Path], GuideRun]]:
    """One run per guide, shared by its commands."""
    async with AsyncExitStack() as stack:

        @cache
        def opened(guide: Path) -> GuideRun:
            run = GuideRun(stack.enter_context(scratch_folder()))
            stack.push_async_callback(run.close)
            return run

        yield opened


@pytest.mark.timeout(STEP_SECONDS + 20)
@pytest.mark.parametrize(
    ("guide", "steps"),
    [
        pytest.param(guide, steps, id=f"{guide.stem}: {steps[-1]}")
        for guide in GUIDES
        for steps in up_to_each_command(guide)
    ],
)
async def test_a_guide_can_be_followed(guide: Path, steps: list[Step], run_of: Callable[[Path], GuideRun]) -> None:
    await run_of(guide).follow(steps)
