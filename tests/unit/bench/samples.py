"""Samples, and rows without servers, for tests of the frame of the benchmarks."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bench.frame.row import OURS, RATE, Arm, Goal, Row, Sample, Scale
from bench.frame.servers import Servers

PEER = "peer"


def sample(*, units: int = 100, seconds: float = 1.0, cpu_seconds: float = 0.5) -> Sample:
    return Sample(units=units, seconds=seconds, cpu_seconds=cpu_seconds)


@asynccontextmanager
async def no_servers() -> AsyncIterator[Servers]:
    yield Servers(folder=Path(), admin_dsn="", bootstrap="")


def row_of(*arms: Arm, rounds: int = 4) -> Row:
    @asynccontextmanager
    async def given(servers: Servers, scale: Scale) -> AsyncIterator[Sequence[Arm]]:
        yield arms

    return Row(
        id="B0",
        work="nothing",
        unit="unit",
        goals=[Goal(measure=RATE, bound=0.5)],
        arms=given,
        scale=Scale(units=100),
        servers=no_servers,
        rounds=rounds,
    )


def arm_of(order: list[str], name: str, **durability: str) -> Arm:
    """Records each run in `order`."""

    async def run() -> Sample:
        order.append(name)
        return sample()

    return Arm(name=name, run=run, durability=durability)


def both(order: list[str]) -> tuple[Arm, Arm]:
    return arm_of(order, OURS), arm_of(order, PEER)
