"""The live view is killed at its failpoints, and receives every record twice: its totals stay those
of the invoices.
"""

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

import pytest

from tests.faults.live_rig import LiveRig
from tests.fixtures.movements import Invoices, publish
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.testing.eventually import eventually

# The deadlines of its steps add up to more than the default limit.
pytestmark = pytest.mark.timeout(180)

POINTS = ["after_repartition", "after_tables", "after_changelogs", "after_totals"]


@pytest.fixture
def invoices() -> Invoices:
    return Invoices(random.Random(7), datetime.now(UTC))  # noqa: S311 - stories, not secrets


async def test_every_record_twice_is_counted_once(live: LiveRig, invoices: Invoices) -> None:
    invoices.add(30)
    async with live.running():
        await publish(live.bootstrap, twice(invoices.envelopes))
        await publish(live.bootstrap, invoices.envelopes)
        await live.agrees_with(invoices)
        # The last record has been counted, so no earlier one is still to be counted twice.
        invoices.add(30)
        await publish(live.bootstrap, invoices.envelopes)
        await live.agrees_with(invoices)


@pytest.mark.parametrize("point", POINTS)
async def test_killed_at(live: LiveRig, invoices: Invoices, point: str) -> None:
    invoices.add(20)
    await publish(live.bootstrap, twice(invoices.envelopes))
    async with live.process(failpoints=f"live.{point}=kill") as process:
        async with asyncio.timeout(40):
            assert await process.wait() < 0
    async with live.running():
        await live.agrees_with(invoices)


async def test_killed_in_mid_stream_and_built_up_again_from_its_changelogs(live: LiveRig, invoices: Invoices) -> None:
    invoices.add(60)
    await publish(live.bootstrap, twice(invoices.envelopes))
    async with live.process() as process:
        half = len(invoices.windows()) // 2
        await eventually(partial(has_published, live, half), deadline_seconds=40)
        await process.kill()
    async with live.running():
        await live.agrees_with(invoices)
    async with live.running():
        invoices.add(10)
        await publish(live.bootstrap, twice(invoices.envelopes))
        await live.agrees_with(invoices)


async def has_published(live: LiveRig, windows: int) -> bool:
    return len(await live.totals.latest()) >= windows


def twice(envelopes: Sequence[Envelope[Event]]) -> Sequence[Envelope[Event]]:
    return [each for told in envelopes for each in (told, told)]
