"""`waypost projections rebuild <service>.<name>`"""

import asyncio
import os
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.cli.answers import explained
from waypost.cli.databases import trace_as
from waypost.cli.options import PerSecond
from waypost.cli.output import AsJson, console, present, progress_bar
from waypost.cli.services import brokers_of, service_within, setting_of
from waypost.engine.operator_rate import OperatorRate
from waypost.engine.rebuild import Processes, RebuildReport, rebuild_async_projection, rebuild_inline_projection
from waypost.hosting.service import Service
from waypost.kafka.topic_log import KafkaTopicLogs
from waypost.kernel.errors import NotFound
from waypost.ports.consumers import AsyncProjection, InlineProjection, Reactor, group_name
from waypost.postgres.drift import refuse_rebuild_by_older_code
from waypost.postgres.failures import as_transient
from waypost.postgres.rebuild.inline_shadow import PostgresInlineShadowFactory
from waypost.postgres.rebuild.shadow import PostgresShadowFactory
from waypost.postgres.revisions import TOOLKIT, service_line
from waypost.project import variable

METAVAR = "SERVICE.NAME"

MOST_PROCESSES = 4
"""The default's limit. More wait for the database, which serves the live application as well, and
need more connections than an operator's share.
"""
PROCESSES = min(os.cpu_count() or 1, MOST_PROCESSES)

commands = typer.Typer(no_args_is_help=True, help="Rebuilds of read models.")


@commands.command("rebuild")
def rebuild_command(
    name: Annotated[str, typer.Argument(metavar=METAVAR, help="NAME is an inline or async projection.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Compares, but changes nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Swaps even if the safety checks object.")] = False,
    per_second: PerSecond = None,
    processes: Annotated[
        int,
        typer.Option(
            "--processes", min=1, help="Processes that read the topics, with 3 connections each; 1 with --rate."
        ),
    ] = PROCESSES,
    as_json: AsJson = False,
) -> None:
    """Rebuilds a read model in a shadow schema, compares it with the live rows and swaps the two.

    An async projection reads its topics from the start, an inline projection reads the service's
    own events. Exits with 1 and prints the reasons if the swap was refused, or would be in a dry
    run.
    """
    service, target = find(name)
    trace_as(service.name)
    with progress_bar(name, quiet=as_json) as show, as_transient(), explained(service.name):
        report = asyncio.run(
            rebuilt(
                service,
                target,
                progress=lambda progress: show(progress.records, progress.of),
                dry_run=dry_run,
                force=force,
                rate=OperatorRate(per_second),
                processes=Processes(at_most=processes),
            )
        )
    present(as_dict(name, report), lambda: _show(name, report), as_json=as_json)
    raise typer.Exit(0 if report.swapped or (dry_run and not report.refusals) else 1)


def find(name: str) -> tuple[Service, AsyncProjection | InlineProjection]:
    """Finds the projection SERVICE.NAME. Raises Invalid for another form, and NotFound, which lists
    the existing ones.
    """
    service = service_within(name, METAVAR)
    async_projections = [consumer for consumer in service.consumers if isinstance(consumer, AsyncProjection)]
    targets: list[AsyncProjection | InlineProjection] = [*async_projections, *service.projections]
    known = {group_name(service.name, target): target for target in targets}
    if name in known:
        return service, known[name]
    if name in {group_name(service.name, consumer) for consumer in service.consumers if isinstance(consumer, Reactor)}:
        raise NotFound(f"{name} is a reactor and has no read model to rebuild; see `waypost replay {name}`")
    raise NotFound(f"there is no read model {name!r}; there are {', '.join(sorted(known))}")


async def rebuilt(
    service: Service,
    target: AsyncProjection | InlineProjection,
    *,
    processes: Processes | None = None,
    **options: Any,
) -> RebuildReport:
    """Rebuilds the projection; `processes` read topics only. Raises Misconfigured, before the
    shadow is made, if this release is older or newer than the database.
    """

    async def check(connection: AsyncConnection) -> None:
        lines = [TOOLKIT, service_line(service.name)]
        await refuse_rebuild_by_older_code(connection, service.name, lines, target.name, target.tables)

    owner_dsn = setting_of(service.name, variable("OWNER_DSN"))
    if isinstance(target, InlineProjection):
        inline_shadow_factory = PostgresInlineShadowFactory(
            service.name, target, service.codec, owner_dsn=owner_dsn, check=check
        )
        return await rebuild_inline_projection(target, inline_shadow_factory, **options)
    app_dsn, bootstrap = setting_of(service.name, variable("APP_DSN")), brokers_of(service.name)
    shadow_factory = PostgresShadowFactory(service.name, target, app_dsn=app_dsn, owner_dsn=owner_dsn, check=check)
    return await rebuild_async_projection(
        target, shadow_factory, KafkaTopicLogs(bootstrap), service.codec, processes=processes, **options
    )


def as_dict(name: str, report: RebuildReport) -> dict[str, Any]:
    comparison = report.comparison
    return {
        "name": name,
        "records": report.records,
        "seconds": round(report.seconds, 3),
        "rows": sum(table.new_rows for table in comparison.comparisons),
        "equal": all(table.equal for table in comparison.comparisons),
        "swapped": report.swapped,
        "dead_letters": {"live": comparison.live_dead_letters, "new": comparison.new_dead_letters},
        "refusals": list(report.refusals),
        "tables": [
            {
                "table": table.table,
                "live": table.live_rows,
                "new": table.new_rows,
                "live_hash": table.live_hash,
                "new_hash": table.new_hash,
                "equal": table.equal,
            }
            for table in comparison.comparisons
        ],
    }


def _show(name: str, report: RebuildReport) -> None:
    comparison = report.comparison
    rows = sum(table.new_rows for table in comparison.comparisons)
    console.print(f"{name}: {report.records} records in {report.seconds:.1f} s, {rows} rows")
    for table in comparison.comparisons:
        live = "no live table" if table.live_hash is None else f"{table.live_rows} live (hash {table.live_hash})"
        verdict = "equal" if table.equal else "different"
        console.print(f"  {table.table}: {live}, {table.new_rows} new (hash {table.new_hash}): {verdict}")
    console.print(f"  open dead letters: {comparison.live_dead_letters} live, {comparison.new_dead_letters} new")
    for refusal in report.refusals:
        console.print(f"  {'overridden' if report.swapped else 'refused'}: {refusal}")
    console.print("swapped" if report.swapped else "nothing was changed")
