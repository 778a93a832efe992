"""`waypost doctor [SERVICE]`"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated
from urllib.parse import urlsplit

import typer

from waypost.cli.options import OneService
from waypost.cli.output import AsJson, console, present
from waypost.cli.reads import reading
from waypost.cli.services import chosen_names, environment_of, setting_of, stack_brokers
from waypost.kernel.errors import WaypostError
from waypost.operations.doctor import (
    Diagnosis,
    ExaminedService,
    Result,
    examine_server,
    examine_service,
    examine_topics,
)
from waypost.operations.doctor.finding import Finding
from waypost.operations.doctor.versions import Published, published
from waypost.ports.brokers import Brokers
from waypost.postgres.reads import Reads
from waypost.project import project, variable
from waypost.schemas.topics import declared_topics

AUDITED_EVENTS = 10_000


def doctor(
    service: OneService = None,
    events: Annotated[
        int,
        typer.Option(
            "--events", min=0, help="Compares the versions of so many newest events with what each consumer has seen."
        ),
    ] = AUDITED_EVENTS,
    as_json: AsJson = False,
) -> None:
    """Checks a running system for known problems, and prints the remedy of each.

    Exits with 1 if something is wrong. Notes, which may be intended, do not count. Run it from a
    timer, with as many events as are written between two runs.
    """
    result = asyncio.run(_examine(chosen_names(service), events))
    document = {"checks": result.checks, "diagnoses": [asdict(diagnosis) for diagnosis in result.diagnoses]}
    present(document, lambda: _show(result), as_json=as_json)
    if any(not diagnosis.is_note for diagnosis in result.diagnoses):
        raise typer.Exit(1)


async def _examine(names: Sequence[str], events: int) -> Result:
    """Examines the broker first: if it does not answer, the services' checks do not ask it."""
    total = Result()
    bootstrap: Brokers | None = None
    try:
        asked = stack_brokers()
        _merge(total, await examine_topics(asked, declared_topics()))
        bootstrap = asked
    except WaypostError as error:
        total.add("kafka", "broker", [Finding(problem=str(error), remedy="start the brokers; check KAFKA_BOOTSTRAP")])
    topics = await _published(total, names, bootstrap, events) if bootstrap and events else []
    with_server = _one_per_server(names)
    for result in await asyncio.gather(
        *(_examine_one(name, bootstrap, topics, with_server=name in with_server) for name in names)
    ):
        _merge(total, result)
    return total


async def _published(total: Result, names: Sequence[str], bootstrap: Brokers, events: int) -> Sequence[Published]:
    """The newest events of the services that can be read as their owner."""
    found: list[Published] = []
    for name in names:
        try:
            async with reading(name, "OWNER") as owner:
                found += await published(name, owner, bootstrap, events)
        except WaypostError as error:
            problem = f"its newest events were not compared with its consumers: {error}"
            remedy = f"set {variable('OWNER_DSN')} in {name}.env, and start its server"
            total.add(name, "versions", [Finding(problem=problem, remedy=remedy, is_note=True)])
    return found


async def _examine_one(
    name: str, bootstrap: Brokers | None, topics: Sequence[Published], *, with_server: bool
) -> Result:
    result = Result()
    try:
        async with reading(name) as reads:
            examined = _examined(name, reads, bootstrap)
            if with_server:
                _merge(result, await examine_server(examined))
            _merge(result, await examine_service(examined, topics))
    except WaypostError as error:
        remedy = f"start the server of {variable('OPS_DSN')}, and check the variable"
        result.add(name, "database", [Finding(problem=str(error), remedy=remedy)])
    return result


def _one_per_server(names: Sequence[str]) -> frozenset[str]:
    """One service for each PostgreSQL server, so that its checks run once. Services without a
    setting are left out; their own examination reports that.
    """
    servers: dict[str, str] = {}
    for name in names:
        try:
            servers.setdefault(urlsplit(setting_of(name, variable("OPS_DSN"))).netloc.rpartition("@")[2], name)
        except WaypostError:
            continue
    return frozenset(servers.values())


def _examined(name: str, reads: Reads, bootstrap: Brokers | None) -> ExaminedService:
    """The limits that the processes of the service use."""
    environment = environment_of(name)
    limits = {
        field: int(environment[variable(field.upper())])
        for field in ("connection_budget", "max_dead_letters", "outbox_cap_rows")
        if variable(field.upper()) in environment
    }
    start = f"python -m {project().services}.{name}"
    return ExaminedService(name=name, reads=reads, bootstrap=bootstrap, start=start, **limits)


def _merge(total: Result, result: Result) -> None:
    total.checks += result.checks
    total.diagnoses += result.diagnoses


def _show(result: Result) -> None:
    for diagnosis in result.diagnoses:
        _show_one(diagnosis)
    wrong = sum(not diagnosis.is_note for diagnosis in result.diagnoses)
    console.print(f"{result.checks} checks, {f'problems: {wrong}' if wrong else 'nothing is wrong'}")


def _show_one(diagnosis: Diagnosis) -> None:
    mark = "note" if diagnosis.is_note else "wrong"
    console.print(f"{mark}: {diagnosis.subject}, {diagnosis.check}: {diagnosis.problem}", soft_wrap=True)
    console.print(f"  {diagnosis.remedy}", soft_wrap=True)
