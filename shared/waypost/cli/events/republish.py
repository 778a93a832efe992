"""`waypost events republish TOPIC…`"""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from waypost.cli.audit_options import As, Reason
from waypost.cli.databases import opened
from waypost.cli.output import AsJson, console, to_json
from waypost.cli.progress import PerSecond, shown
from waypost.cli.services import service_named, setting_of
from waypost.engine.rate import Rate
from waypost.engine.republisher import Republished, republish
from waypost.kafka.catalog import chosen_from, partitions_of
from waypost.kafka.producer import KafkaBroker
from waypost.kafka.topic_log import KafkaTopicLogs
from waypost.kernel.audit_context import AuditContext
from waypost.kernel.errors import NotFound
from waypost.postgres.audit import record_action
from waypost.postgres.stored_records import PostgresStoredRecords
from waypost.project import variable


def republish_command(
    topics: Annotated[list[str], typer.Argument(help="users.user: lost, or deleted and made anew.")],
    operator: As,
    reason: Reason = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Counts what is missing, and publishes nothing.")] = False,
    per_second: PerSecond = None,
    as_json: AsJson = False,
) -> None:
    """Publishes what the event store has of a topic and the topic has not: same ids, headers, keys,
    each aggregate in order.

    Consumers notice by themselves that a topic was made anew; what they know already they absorb.
    To be run again where it was cut off: it goes on with what is still missing.
    """
    audit_context = None if dry_run else AuditContext(operator=operator, reason=reason)
    for topic in topics:
        require_kept(topic)
    reports = [asyncio.run(republished(each, audit_context, rate=Rate(per_second), quiet=as_json)) for each in topics]
    if as_json:
        console.print(to_json([told(each) for each in reports]), soft_wrap=True)
    else:
        _show(reports, dry_run=dry_run)


def require_kept(topic: str) -> None:
    """Raises NotFound for a topic whose events no service stores."""
    service = service_named(topic.partition(".")[0])
    if topic not in service.codec.topics:
        kept = sorted(each for each in service.codec.topics if each.startswith(f"{service.name}."))
        raise NotFound(f"{service.name} tells no events on {topic!r}; it does on {', '.join(kept)}")


async def republished(topic: str, audit_context: AuditContext | None, *, rate: Rate, quiet: bool) -> Republished:
    """Without a mandate nothing is published. Raises NotFound for a topic that is not there, and
    Transient.
    """
    service = topic.partition(".")[0]
    bootstrap = setting_of(service, variable("KAFKA_BOOTSTRAP"))
    partitions = chosen_from(await partitions_of(bootstrap), [topic])

    async def note() -> None:
        """A record on a topic is in no transaction: what is about to be done is told before it
        begins.
        """
        if audit_context is not None:
            async with opened(service) as ops, ops.transaction() as connection:
                await record_action(connection, audit_context, verb="events.republish", subject=topic)

    async with opened(service, "OWNER") as owner, KafkaTopicLogs(bootstrap).opened(partitions) as log:
        with shown(topic, quiet=quiet) as show:
            return await republish(
                topic,
                PostgresStoredRecords(owner, topic),
                log,
                KafkaBroker(bootstrap, client_id="waypost-command"),
                before_first=note,
                rate=rate,
                dry_run=audit_context is None,
                progress=show,
            )


def told(report: Republished) -> dict[str, Any]:
    return {
        "topic": report.topic,
        "stored": report.stored,
        "missing": report.missing,
        "published": report.published,
        "seconds": round(report.seconds, 3),
    }


def _show(reports: Sequence[Republished], *, dry_run: bool) -> None:
    for each in reports:
        there = each.stored - each.missing
        done = "nothing was published" if dry_run else f"{each.published} published in {each.seconds:.1f} s"
        counts = f"{each.stored} events stored, {there} on the topic in order, {each.missing} missing"
        console.print(f"{each.topic}: {counts}; {done}")
