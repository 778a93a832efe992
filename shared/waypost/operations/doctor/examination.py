"""The examinations: each runs its table of checks, one after the other."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from waypost.kafka.catalog import catalog
from waypost.kernel.topic import Topic
from waypost.operations.doctor import cluster, consumers, jobs, outbox, schemas, server, versions
from waypost.operations.doctor.finding import Diagnosis, ExaminedService, Finding, Findings, Result
from waypost.operations.doctor.live_view import live_view
from waypost.operations.doctor.versions import Published
from waypost.ports.brokers import Brokers

__all__ = ["Diagnosis", "ExaminedService", "Result", "examine_server", "examine_service", "examine_topics"]

Check = Callable[[ExaminedService], Awaitable[Findings]]

MIGRATIONS = "migrations"

SERVER_CHECKS: Mapping[str, Check] = {
    "privileges": server.privileges,
    "connections": server.connections,
    "standbys": server.standbys,
}
"""Checks of the PostgreSQL server that a service uses."""

SERVICE_CHECKS: Mapping[str, Check] = {
    MIGRATIONS: schemas.pending_migrations,
    "roles": server.roles,
    "transactions": server.transactions,
    "prepared-transactions": server.prepared_transactions,
    "rebuilds": schemas.shadows,
    "relay": outbox.relay,
    "quarantine": outbox.quarantined,
    "outbox-cap": outbox.cap,
    "declared-consumers": consumers.declared,
    "lag": consumers.lag,
    "lost-records": consumers.lost_records,
    "dead-letters": consumers.dead_letters,
    "dead-letter-limit": consumers.dead_letter_limit,
    "parked-keys": consumers.parked_keys,
    "newer-schemas": consumers.newer_schemas,
    "live-view": live_view,
    "dead-jobs": jobs.dead,
    "job-backlog": jobs.backlog,
    "job-leases": jobs.lapsed_leases,
}
"""Checks of the database and the consumers of one service."""


async def examine_server(examined: ExaminedService) -> Result:
    """Examines the server of the service's database."""
    result = Result()
    for name, check in SERVER_CHECKS.items():
        result.add("postgresql", name, await _findings(check, examined))
    return result


async def examine_service(examined: ExaminedService, topics: Sequence[Published] = ()) -> Result:
    """Examines one service, and audits its consumers of these topics. Ends after missing
    migrations: the other checks would fail on missing tables.
    """
    result = Result()
    checks: dict[str, Check] = {**SERVICE_CHECKS, "versions": partial(versions.unseen, topics=topics)}
    for name, check in checks.items():
        result.add(examined.name, name, await _findings(check, examined))
        if name == MIGRATIONS and result.diagnoses:
            break
    return result


async def examine_topics(bootstrap: Brokers, declared: Sequence[Topic]) -> Result:
    """Compares the topics of the cluster with their declaration. Raises Transient if no broker
    answers.
    """
    found = {topic.name: topic for topic in await catalog(bootstrap)}
    result = Result()
    for name, check in cluster.TOPIC_CHECKS.items():
        result.add("kafka", name, [finding for topic in declared for finding in check(topic, found.get(topic.name))])
    return result


async def _findings(check: Check, examined: ExaminedService) -> Findings:
    try:
        return await check(examined)
    except Exception as error:  # noqa: BLE001 - the other checks still run
        problem = f"the check failed: {str(error) or repr(error)}"
        return [Finding(problem=problem, remedy=f"correct the reason, and run `waypost doctor {examined.name}` again")]
