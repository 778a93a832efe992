"""`waypost projections rebuild <service>.<name>`"""

import asyncio
from typing import Annotated, Any

import typer

from waypost.cli.databases import explained
from waypost.cli.output import AsJson, console, to_json
from waypost.cli.progress import PerSecond, shown
from waypost.cli.services import service_within, setting_of
from waypost.cli.tracing import trace_as
from waypost.engine.consumer import group_name
from waypost.engine.rate import Rate
from waypost.engine.rebuild import RebuildReport, rebuild_async_projection, rebuild_inline_projection
from waypost.hosting.service import Service
from waypost.kafka.topic_log import KafkaTopicLogs
from waypost.kernel.errors import NotFound
from waypost.ports.consumers import AsyncProjection, InlineProjection, Reactor
from waypost.postgres.failures import as_transient
from waypost.postgres.rebuild.history import PostgresHistoryShadowFactory
from waypost.postgres.rebuild.shadow import PostgresShadowFactory
from waypost.project import variable

FORM = "SERVICE.NAME"

commands = typer.Typer(no_args_is_help=True, help="Read models, made anew beside the live ones.")


@commands.command("rebuild")
def rebuild_command(
    name: Annotated[str, typer.Argument(metavar=FORM, help="NAME is a projector's or a projection's.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Compares, and changes nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Swaps in spite of what speaks against it.")] = False,
    per_second: PerSecond = None,
    as_json: AsJson = False,
) -> None:
    """Reads a projector's topics, or a projection's own events, from the start, compares with the
    live rows and swaps.

    Exits with 1 where it did not swap, and says why; a dry run where it would not.
    """
    service, target = find(name)
    trace_as(service.name)
    with shown(name, quiet=as_json) as show, as_transient(), explained(service.name):
        report = asyncio.run(
            rebuilt(
                service,
                target,
                progress=lambda progress: show(progress.records, progress.of),
                dry_run=dry_run,
                force=force,
                rate=Rate(per_second),
            )
        )
    if as_json:
        console.print(to_json(told(name, report)), soft_wrap=True)
    else:
        _show(name, report)
    raise typer.Exit(0 if report.swapped or (dry_run and not report.refusals) else 1)


def find(name: str) -> tuple[Service, AsyncProjection | InlineProjection]:
    """Raises Invalid, NotFound, and says what there is."""
    service = service_within(name, FORM)
    projectors = [each for each in service.consumers if isinstance(each, AsyncProjection)]
    targets: list[AsyncProjection | InlineProjection] = [*projectors, *service.projections]
    known = {group_name(service.name, each): each for each in targets}
    if name in known:
        return service, known[name]
    if name in {group_name(service.name, each) for each in service.consumers if isinstance(each, Reactor)}:
        raise NotFound(f"{name} is a reactor: it has no rows to be made anew; see `waypost replay {name}`")
    raise NotFound(f"there is no read model {name!r}; there are {', '.join(sorted(known))}")


async def rebuilt(service: Service, target: AsyncProjection | InlineProjection, **options: Any) -> RebuildReport:
    owner_dsn = setting_of(service.name, variable("OWNER_DSN"))
    if isinstance(target, InlineProjection):
        history = PostgresHistoryShadowFactory(service.name, target, service.codec, owner_dsn=owner_dsn)
        return await rebuild_inline_projection(target, history, **options)
    app_dsn, bootstrap = (setting_of(service.name, variable(each)) for each in ("APP_DSN", "KAFKA_BOOTSTRAP"))
    shadow_factory = PostgresShadowFactory(service.name, target, app_dsn=app_dsn, owner_dsn=owner_dsn)
    return await rebuild_async_projection(target, shadow_factory, KafkaTopicLogs(bootstrap), service.codec, **options)


def told(name: str, report: RebuildReport) -> dict[str, Any]:
    comparison = report.comparison
    return {
        "name": name,
        "records": report.records,
        "seconds": round(report.seconds, 3),
        "rows": sum(each.new_rows for each in comparison.comparisons),
        "equal": all(each.equal for each in comparison.comparisons),
        "swapped": report.swapped,
        "dead_letters": {"live": comparison.live_dead_letters, "new": comparison.new_dead_letters},
        "refusals": list(report.refusals),
        "tables": [
            {
                "table": each.table,
                "live": each.live_rows,
                "new": each.new_rows,
                "live_hash": each.live_hash,
                "new_hash": each.new_hash,
                "equal": each.equal,
            }
            for each in comparison.comparisons
        ],
    }


def _show(name: str, report: RebuildReport) -> None:
    comparison = report.comparison
    rows = sum(each.new_rows for each in comparison.comparisons)
    console.print(f"{name}: {report.records} records in {report.seconds:.1f} s, {rows} rows")
    for each in comparison.comparisons:
        live = "not there" if each.live_hash is None else f"{each.live_rows} live (hash {each.live_hash})"
        verdict = "equal" if each.equal else "different"
        console.print(f"  {each.table}: {live}, {each.new_rows} new (hash {each.new_hash}): {verdict}")
    console.print(f"  open letters: {comparison.live_dead_letters} live, {comparison.new_dead_letters} new")
    for refusal in report.refusals:
        console.print(f"  {'put up with' if report.swapped else 'refused'}: {refusal}")
    console.print("swapped" if report.swapped else "nothing was changed")
