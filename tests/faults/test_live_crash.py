"""The live view is killed where it hurts, and fed every record twice: what it comes to stays what the invoices come to."""

import asyncio
import random
from datetime import UTC, datetime
from functools import partial

import pytest

from tests.faults.live_rig import LiveRig
from tests.fixtures.eventually import eventually
from tests.fixtures.movements import Invoices, publish, published_windows

POINTS = ["after_gathered", "after_tables", "after_changelogs", "after_totals"]


@pytest.fixture
def invoices() -> Invoices:
    return Invoices(random.Random(7), datetime.now(UTC))  # noqa: S311 - stories, not secrets


async def test_every_record_twice_is_counted_once(live: LiveRig, invoices: Invoices) -> None:
    invoices.add(40)
    async with live.process() as process:
        await publish(live.bootstrap, [each for told in invoices.envelopes for each in (told, told)])
        await publish(live.bootstrap, invoices.envelopes)
        await live.agrees_with(invoices)
        # What comes last has passed: nothing that came before it can still be on its way to be counted twice.
        invoices.add(5)
        await publish(live.bootstrap, invoices.envelopes[-5:])
        await live.agrees_with(invoices)
        await process.child.stop()
        assert process.child.exit_code == 0


@pytest.mark.parametrize("point", POINTS)
async def test_killed_at(live: LiveRig, invoices: Invoices, point: str) -> None:
    invoices.add(30)
    await publish(live.bootstrap, [each for told in invoices.envelopes for each in (told, told)])
    async with live.process(failpoints=f"live.{point}=kill") as process:
        assert await asyncio.wait_for(process.child.wait(), 40) < 0
    async with live.process():
        await live.agrees_with(invoices)


async def test_killed_again_and_again_in_mid_stream(live: LiveRig, invoices: Invoices) -> None:
    invoices.add(150)
    await publish(live.bootstrap, [each for told in invoices.envelopes for each in (told, told)])
    windows = len(invoices.windows())
    for part in (0.2, 0.5, 0.8):
        async with live.process() as process:
            await eventually(partial(has_published, live, part * windows), deadline_seconds=30)
            await process.child.kill()
    async with live.process():
        await live.agrees_with(invoices)


async def has_published(live: LiveRig, windows: float) -> bool:
    return len(await published_windows(live.bootstrap)) >= windows
