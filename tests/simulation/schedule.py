"""One schedule: from a seed to what is wrong with its end."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from tests.simulation.checks import unfinished, violations
from tests.simulation.deterministic import deterministic
from tests.simulation.operators import Operator
from tests.simulation.world import World

REST_SECONDS = 240.0
"""Everything rests by this virtual time after the last fault."""
CHECK_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    seed: int
    violations: Sequence[str]
    virtual_seconds: float
    callbacks: int
    faults: int


def run(seed: int, *, trace: list[str] | None = None) -> Result:
    """Runs the schedule of this seed. `trace` receives its steps, and changes none."""
    world = World(seed, trace)
    with deterministic(seed, world.loop):
        world.start()
        world.loop.spawn(world.loop.servers, _watch(world))
        rests = world.loop.run(until_seconds=world.faults.seconds + REST_SECONDS)
        wrong = list(violations(world)) if rests else [f"does not come to rest: {'; '.join(unfinished(world))}"]
        wrong += [f"lost error: {error!r}" for error in world.loop.unretrieved_errors()]
        steps = len(trace or ())
        world.loop.abandon()
        if trace is not None:
            del trace[steps:]  # what clean-ups of abandoned tasks have logged
    return Result(
        seed=seed,
        violations=wrong,
        virtual_seconds=world.loop.time(),
        callbacks=world.loop.callbacks,
        faults=world.faults_happened,
    )


async def _watch(world: World) -> None:
    """Ends the run when everything rests. After the last fault an operator redrives what is
    dead.
    """
    operator = Operator(world)
    while list(unfinished(world)):
        await asyncio.sleep(CHECK_SECONDS)
        if world.is_calm:
            operator.redrive_dead()
    world.rests = True
    await asyncio.sleep(CHECK_SECONDS)  # running steps end
    world.loop.finish()
