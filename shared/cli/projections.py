"""`waypost projections rebuild <service>.<name>`"""

import asyncio
import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress as Bar

from shared.cli.services import environment_of, service_named
from shared.engine.rebuild import Progress, RebuildReport, rebuild, rebuild_projection
from shared.hosting.service import Service
from shared.kafka.topic_log import KafkaTopicLogs
from shared.kernel.errors import NotFound
from shared.ports.handlers import Projection, Projector
from shared.postgres.failures import as_transient
from shared.postgres.rebuild.history import PostgresHistoryWorkshop
from shared.postgres.rebuild.workshop import PostgresWorkshop

commands = typer.Typer(no_args_is_help=True, help="Read models, made anew beside the live ones.")


@commands.command("rebuild")
def rebuild_command(
    name: Annotated[str, typer.Argument(help="<service>.<projector or projection>")],
    dry_run: Annotated[bool, typer.Option(help="Compares, and changes nothing.")] = False,
    force: Annotated[bool, typer.Option(help="Swaps in spite of what speaks against it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The report as one JSON object.")] = False,
) -> None:
    """Reads a projector's topics, or a projection's own events, from the start, compares with the live rows and swaps."""
    service, target = find(name)
    with Bar(console=Console(stderr=True), disable=as_json or not sys.stderr.isatty()) as bar:
        task = bar.add_task(name, total=None)

        def show(progress: Progress) -> None:
            bar.update(task, completed=progress.records, total=progress.of)

        with as_transient():
            report = asyncio.run(_run(service, target, progress=show, dry_run=dry_run, force=force))
    _print(report, as_json)
    raise typer.Exit(0 if report.swapped or (dry_run and not report.refusals) else 1)


def find(name: str) -> tuple[Service, Projector | Projection]:
    """Raises NotFound, and says what there is."""
    service = service_named(name.partition(".")[0])
    projectors = [each for each in service.consumers if isinstance(each, Projector)]
    targets: list[Projector | Projection] = [*projectors, *service.projections]
    known = {f"{service.name}.{each.name}": each for each in targets}
    if name not in known:
        raise NotFound(f"there is no read model {name!r}; there are {', '.join(sorted(known))}")
    return service, known[name]


async def _run(service: Service, target: Projector | Projection, **options: Any) -> RebuildReport:
    environment = environment_of(service.name)
    owner_dsn = environment["WAYPOST_OWNER_DSN"]
    if isinstance(target, Projection):
        history = PostgresHistoryWorkshop(service.name, target, service.codec, owner_dsn=owner_dsn)
        return await rebuild_projection(target, history, **options)
    workshop = PostgresWorkshop(service.name, target, app_dsn=environment["WAYPOST_APP_DSN"], owner_dsn=owner_dsn)
    logs = KafkaTopicLogs(environment["WAYPOST_KAFKA_BOOTSTRAP"])
    return await rebuild(target, workshop, logs, service.codec, **options)


def _print(report: RebuildReport, as_json: bool) -> None:
    tables = report.weighing.comparisons
    told = {
        "name": report.name,
        "records": report.records,
        "seconds": round(report.seconds, 3),
        "rows": sum(each.new_rows for each in tables),
        "equal": all(each.equal for each in tables),
        "swapped": report.swapped,
        "refusals": list(report.refusals),
        "tables": [
            {"table": each.table, "live": each.live_rows, "new": each.new_rows, "equal": each.equal} for each in tables
        ],
    }
    console = Console()
    if as_json:
        console.print_json(json.dumps(told))
        return
    console.print(f"{told['name']}: {told['records']} records in {told['seconds']} s, {told['rows']} rows")
    for each in tables:
        console.print(
            f"  {each.table}: {each.live_rows} live, {each.new_rows} new, {'equal' if each.equal else 'different'}"
        )
    for refusal in report.refusals:
        console.print(f"  [red]{refusal}[/red]", highlight=False)
    console.print("swapped" if report.swapped else "nothing was changed")
