"""B9 and B10: a whole stack without requests, and its start. Each arm is a program that starts its
own stack, and prints its figures as JSON.
"""

import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from bench.frame.programs import output_of
from bench.frame.row import OURS, Arm, Arms, Goal, Measure, Row, Sample, Scale
from bench.frame.servers import Servers, no_servers
from bench.startup import COMMANDS, GOALS, HELP, LOOK, UP

IDLE_SECONDS = 60
ROUNDS = 1
"""Starts that are measured. One before them writes byte code and creates the databases."""
LOOKS = [name for name in COMMANDS if name != HELP]

Printed = Mapping[str, Any]


def arms_of(module: str, option: str, count: int, sample: Callable[[Printed], Sample]) -> Arms:
    """One arm: `python -m MODULE OPTION COUNT`."""

    async def run() -> Sample:
        printed = await output_of(sys.executable, "-m", module, option, str(count))
        ((_, figures),) = json.loads(printed).items()
        return sample(figures)

    @asynccontextmanager
    async def arms(servers: Servers, scale: Scale) -> AsyncIterator[Sequence[Arm]]:
        yield [Arm(name=OURS, run=run)]

    return arms


def idle(figures: Printed) -> Sample:
    """The whole stack, and of this our own processes, without Kafka, PostgreSQL and Zipkin."""
    whole, own = figures["all"], figures["ours"]
    return Sample(
        units=IDLE_SECONDS,
        seconds=IDLE_SECONDS,
        cpu_seconds=whole["percent"] / 100 * IDLE_SECONDS,
        further={
            "memory, GB": whole["megabytes"] / 1000,
            "CPU of our processes, % of a core": own["percent"],
            "memory of our processes, GB": own["megabytes"] / 1000,
        },
    )


def startup(figures: Printed) -> Sample:
    """Seconds of each command. LOOK is the slowest command that looks."""
    seconds = {name: figures[name]["seconds"] for name in (UP, *COMMANDS)}
    return Sample(
        units=1,
        seconds=seconds[UP],
        cpu_seconds=figures[UP]["cpu"],
        further={**seconds, LOOK: max(seconds[name] for name in LOOKS)},
    )


def _further(sample: Sample, name: str) -> float:
    return sample.further[name]


def _goal_of(command: str) -> Goal:
    measure = Measure(name=command, unit="s", of=partial(_further, name=command))
    return Goal(measure=measure, bound=GOALS[command], relative=False)


IDLE_CPU = Measure(name="CPU", unit="% of a core", of=lambda sample: 100 * sample.cpu_seconds / sample.seconds)
MEMORY = Measure(name="memory", unit="GB", of=partial(_further, name="memory, GB"))

ROWS = [
    Row(
        id="B9",
        work="a whole stack without requests: every process, Kafka, PostgreSQL and Zipkin",
        unit="second",
        goals=[Goal(measure=IDLE_CPU, bound=4, relative=False), Goal(measure=MEMORY, bound=1.1, relative=False)],
        arms=arms_of("bench.idle", "--seconds", IDLE_SECONDS, idle),
        scale=Scale(units=IDLE_SECONDS),
        servers=no_servers,
        once=True,
    ),
    Row(
        id="B10",
        work="a warm `make up`, `waypost --help`, and the slowest command that looks",
        unit="start",
        goals=[_goal_of(UP), _goal_of(HELP), _goal_of(LOOK)],
        arms=arms_of("bench.startup", "--rounds", ROUNDS, startup),
        scale=Scale(units=ROUNDS),
        servers=no_servers,
        once=True,
        deadline_seconds=400,
    ),
]
