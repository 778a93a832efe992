"""`waypost events republish TOPIC…`"""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from waypost.cli.databases import opened
from waypost.cli.options import As, PerSecond, Reason
from waypost.cli.output import AsJson, console, present, progress_bar
from waypost.cli.services import brokers_of, service_named
from waypost.engine.operator_rate import OperatorRate
from waypost.engine.republisher import Republished, republish
from waypost.kafka.catalog import chosen_from, partitions_of
from waypost.kafka.producer import KafkaBroker
from waypost.kafka.topic_log import KafkaTopicLogs
from waypost.kernel.audit_context import AuditContext
from waypost.kernel.errors import NotFound
from waypost.ports.stored_records import StoredRecords
from waypost.postgres.audit import record_action
from waypost.postgres.database import Database
from waypost.postgres.stored_keys import PostgresStoredKeys
from waypost.postgres.stored_records import PostgresStoredRecords


def republish_command(
    topics: Annotated[
        list[str], typer.Argument(help="Topics that lost events or were recreated, for example users.user.")
    ],
    operator: As,
    reason: Reason = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Counts the missing events, and publishes nothing.")
    ] = False,
    per_second: PerSecond = None,
    as_json: AsJson = False,
) -> None:
    """Publishes the stored events that a topic no longer contains, with the same ids, headers and
    keys, in the order of each aggregate.

    Consumers detect a recreated topic and skip the events that they handled before. After an
    interruption, run the command again: it publishes the events that are still missing.
    """
    audit_context = None if dry_run else AuditContext(operator=operator, reason=reason)
    for topic in topics:
        require_published(topic)
    reports = [
        asyncio.run(republished(topic, audit_context, rate=OperatorRate(per_second), quiet=as_json)) for topic in topics
    ]
    present([as_dict(report) for report in reports], lambda: _show(reports, dry_run=dry_run), as_json=as_json)


def require_published(topic: str) -> None:
    """Raises NotFound for a topic that no service publishes to."""
    service = service_named(topic.partition(".")[0])
    if topic not in service.codec.topics:
        declared = sorted(name for name in service.codec.topics if name.startswith(f"{service.name}."))
        raise NotFound(f"{service.name} publishes no events to {topic!r}; it publishes to {', '.join(declared)}")


async def republished(
    topic: str, audit_context: AuditContext | None, *, rate: OperatorRate, quiet: bool
) -> Republished:
    """Publishes nothing without an audit context. Raises NotFound for a topic that does not exist,
    and Transient.
    """
    service = topic.partition(".")[0]
    bootstrap = brokers_of(service)
    partitions = chosen_from(await partitions_of(bootstrap), [topic])

    async def record_audit() -> None:
        """Writes the audit entry first, because the published records are not part of a
        transaction.
        """
        if audit_context is not None:
            async with opened(service) as ops, ops.transaction() as connection:
                await record_action(connection, audit_context, verb="events.republish", subject=topic)

    async with opened(service, "OWNER") as owner, KafkaTopicLogs(bootstrap).opened(partitions) as log:
        with progress_bar(topic, quiet=quiet) as show:
            return await republish(
                topic,
                _stored(service, topic, owner),
                log,
                KafkaBroker(bootstrap, client_id="waypost-command"),
                before_first=record_audit,
                rate=rate,
                dry_run=audit_context is None,
                progress=show,
            )


def _stored(service: str, topic: str, owner: Database) -> StoredRecords:
    """The records of the topic: of the event store, or of the keys of people."""
    declared = service_named(service)
    events = declared.person_keys.publishes if declared.person_keys else None
    if events is not None and events.created.topic == topic:
        return PostgresStoredKeys(owner, service, events, declared.codec)
    return PostgresStoredRecords(owner, topic)


def as_dict(report: Republished) -> dict[str, Any]:
    return {
        "topic": report.topic,
        "stored": report.stored,
        "missing": report.missing,
        "published": report.published,
        "seconds": round(report.seconds, 3),
    }


def _show(reports: Sequence[Republished], *, dry_run: bool) -> None:
    for report in reports:
        present_events = report.stored - report.missing
        done = "nothing was published" if dry_run else f"{report.published} published in {report.seconds:.1f} s"
        counts = f"{report.stored} events stored, {present_events} in the topic in order, {report.missing} missing"
        console.print(f"{report.topic}: {counts}; {done}")
