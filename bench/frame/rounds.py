"""Runs the arms of a row in turns."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import uvloop

from bench.frame.durability import require_equal_durability
from bench.frame.row import Arm, Row, Sample, Scale
from bench.frame.servers import Servers

CONTROL = "control"
"""Our own arm once more: its ratio to ours shows the noise of the machine."""
Samples = Mapping[str, Sequence[Sample]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    samples: Samples
    """By arm, one per round."""
    durability: Mapping[str, str]
    """The settings that all arms share."""


async def measure(row: Row, scale: Scale) -> Measured:
    async with row.servers() as servers:
        # A server may run as another user, and only asyncio's own loop can start it so.
        return await asyncio.to_thread(uvloop.run, _measure(row, servers, scale))


async def measure_ours(row: Row, scale: Scale, rounds: int) -> Sequence[Sample]:
    """Our arm alone, without a warm-up."""

    async def ours(servers: Servers) -> Sequence[Sample]:
        async with row.arms(servers, scale) as arms:
            return [await arms[0].run() for _ in range(rounds)]

    async with row.servers() as servers:
        return await asyncio.to_thread(uvloop.run, ours(servers))


async def _measure(row: Row, servers: Servers, scale: Scale) -> Measured:
    async with row.arms(servers, scale) as arms:
        require_equal_durability(arms)
        for arm in arms:
            await arm.run()  # warm-up
        samples = await in_turns([*arms, replace(arms[0], name=CONTROL)], row.rounds)
        return Measured(samples=samples, durability=arms[0].durability)


async def in_turns(arms: Sequence[Arm], rounds: int) -> Samples:
    """ABBA: every second round has the reverse order, so that no arm always follows another."""
    samples: dict[str, list[Sample]] = {arm.name: [] for arm in arms}
    for number in range(rounds):
        for arm in reversed(arms) if number % 2 else arms:
            samples[arm.name].append(await arm.run())
    return samples
