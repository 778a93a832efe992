"""`python -m tests.faults.storm --kills 20 --seed 7`, or `make faults KILLS=20 SEED=7`.
`--from COMMIT`, or `make upgrade FROM=COMMIT`, is a rolling upgrade instead. Exits with 1 if a
promise was broken.
"""

import asyncio
import logging
import os
import random
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from infra.stack.places import STATE
from infra.stack.servers import Servers, Standby
from tests.faults.storm.chaos import Chaos
from tests.faults.storm.evidence import Evidence
from tests.faults.storm.interrupts import on_interrupt, until_interrupted
from tests.faults.storm.journal import Journal
from tests.faults.storm.journeys import JOURNEYS, JOURNEYS_OF_UPGRADE
from tests.faults.storm.load import Load
from tests.faults.storm.older_release import Release, extract
from tests.faults.storm.promises import examine
from tests.faults.storm.promises.rolling_upgrade import examine_upgrade
from tests.faults.storm.quiescence import wait_until_idle
from tests.faults.storm.report import Report
from tests.faults.storm.rolling_upgrade import RollingUpgrade
from tests.faults.storm.schedule import scheduled
from tests.faults.storm.sources import gather
from tests.faults.storm.system import System, running
from tests.fixtures.ports import free_port_base, ports_of_stack
from waypost.kernel.errors import WaypostError
from waypost.native.folders import reachable_directory
from waypost.native.ports import reserve

WIDTH_WITHOUT_TERMINAL = 170

commands = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@commands.command()
def storm(
    kills: Annotated[int, typer.Option(min=1, help="Number of kills.")] = 20,
    seed: Annotated[
        int | None, typer.Option(help="Determines the faults and their times; random and printed by default.")
    ] = None,
    port_base: Annotated[int | None, typer.Option(help="Random by default.")] = None,
    brokers: Annotated[int, typer.Option(help="1 or 3.")] = 1,
    standby: Annotated[Standby, typer.Option(help="PostgreSQL's standby: 1, async or 0.")] = Standby.NONE,
    from_commit: Annotated[
        str, typer.Option("--from", help="Instead of faults, replaces the release of this commit by the checkout.")
    ] = "",
) -> None:
    """Kills, freezes, disconnects and restarts every part of the system under load, slows its disk,
    moves its clocks and rebuilds its read models, waits until it is idle, and checks every promise.

    Ctrl-C ends the storm before its last kill, or the upgrade; the checks still run. An interrupted
    upgrade has not passed.
    """
    os.environ["OTEL_TRACES_EXPORTER"] = "none"  # this stack has no trace viewer
    os.environ["WAYPOST_RATE_LIMITING"] = "false"  # all people of the storm come from one address
    console = Console()
    report = Report(Console(width=None if console.is_terminal else WIDTH_WITHOUT_TERMINAL))
    chosen = random.SystemRandom().randrange(10**6) if seed is None else seed
    base = port_base or free_port_base()
    reserve(ports_of_stack(base))
    folder = STATE / "faults" / f"{chosen}-{base}"
    report.say(f"seed {chosen}, ports from {base}, data and logs in {folder}")
    folder.mkdir(parents=True)
    logging.basicConfig(filename=folder / "storm.log", format="%(asctime)s %(name)s %(message)s", level=logging.INFO)
    try:
        servers = Servers.choose(folder, brokers=brokers, standby=standby)
        release = extract(from_commit, folder / "release") if from_commit else None
        clean = asyncio.run(_storm(kills, chosen, base, folder, report, servers, release))
    except (TimeoutError, WaypostError, ExceptionGroup) as problem:
        clean = False
        report.say(f"the storm was aborted: {_first(problem)}")
    if clean:
        for remains in (reachable_directory(folder / "postgres"), folder):
            shutil.rmtree(remains, ignore_errors=True)
        return
    report.say(f"\ndata and logs are kept in {folder}; PostgreSQL's in {reachable_directory(folder / 'postgres')}")
    cluster = f" BROKERS={brokers} STANDBY={standby}" if (brokers, standby) != (1, Standby.NONE) else ""
    command = f"make upgrade FROM={from_commit}" if from_commit else f"make faults KILLS={kills}"
    report.say(f"the same again: {command} SEED={chosen}{cluster}")
    raise typer.Exit(1)


async def _storm(
    kills: int, seed: int, port_base: int, folder: Path, report: Report, servers: Servers, release: Release | None
) -> bool:
    """True if every promise was kept."""
    faults, operations = folder / "faults.jsonl", folder / "operations.jsonl"
    upgrade: RollingUpgrade | None = None
    begun = time.monotonic()
    async with running(folder, port_base, servers, release) as system:
        report.say(f"up after {time.monotonic() - begun:.0f} s")
        begun = time.monotonic()
        async with _under_load(system, seed, operations, release) as load:
            if release:
                upgrade = await _upgrade(system, release, faults, load)
            else:
                await _rage(system, kills, seed, faults, load)
        seconds = time.monotonic() - begun
        report.say(f"{'the upgrade' if release else 'the storm'} is over; waiting until the system is idle")
        evidence: Evidence = await gather(system, operations, await wait_until_idle(system))
        record = upgrade.record() if upgrade else None  # before its processes are stopped
    report.operations(evidence)
    findings = examine(evidence)
    if release and record:
        report.upgrade(release, record, seconds)
        findings = [*findings, *examine_upgrade(record)]
    report.findings(findings, 0 if release else report.faults(faults, seconds))
    return not any(finding.violations for finding in findings)


@asynccontextmanager
async def _under_load(system: System, seed: int, operations: Path, release: Release | None) -> AsyncIterator[Load]:
    log = Journal(operations)
    load = Load(system.addresses, log, seed, JOURNEYS_OF_UPGRADE if release else JOURNEYS)
    load.people.has_join_policies = release is None or release.has_join_policies
    await load.begin()
    loading = asyncio.create_task(load.run(), name="load")
    try:
        yield load
    finally:
        load.stop()
        await loading
        log.close()


async def _rage(system: System, kills: int, seed: int, faults: Path, load: Load) -> None:
    log = Journal(faults)
    chaos = Chaos(system, log, load.caller.acknowledged.total)
    on_interrupt(chaos.end)
    try:
        platform = (*system.addresses.servers.broker_names, *system.addresses.servers.database_names)
        await chaos.rage(scheduled(seed, kills, platform))
    finally:
        log.close()


async def _upgrade(system: System, release: Release, steps: Path, load: Load) -> RollingUpgrade:
    log = Journal(steps)
    upgrade = RollingUpgrade(system, release, log, load)
    try:
        await until_interrupted(upgrade.run())
    finally:
        log.close()
    return upgrade


def _first(problem: Exception) -> Exception:
    """The first error of a group; the others follow from it."""
    while isinstance(problem, ExceptionGroup):
        problem = problem.exceptions[0]
    return problem


if __name__ == "__main__":
    commands()
