"""Checks of the outbox and of the relay that publishes it."""

from datetime import timedelta

from waypost.operations.doctor.finding import NEAR_LIMIT, ExaminedService, Finding, Findings
from waypost.postgres.overview import backlog_of, outbox_rows, quarantined_keys

LATE = timedelta(seconds=60)

_RELAYS = "select count(*) from pg_stat_activity where datname = current_database() and application_name = $1"

# The rows of quarantined keys wait for an operator, and are reported apart.
_LATE_TOPICS = """
select topic, count(*) as rows from (
    select topic, created_at from outbox
    where key <> all (array (select quarantined.key from outbox_quarantine as quarantined)) limit 160000
) as pending
group by topic having min(created_at) < clock_timestamp() - $1::interval order by topic"""


async def relay(examined: ExaminedService) -> Findings:
    """Events that wait for more than a minute: no relay runs, or a topic takes no records."""
    backlog = await backlog_of(examined.reads)
    if backlog.oldest_at is None or backlog.now - backlog.oldest_at < LATE:
        return []
    (relays,) = await examined.reads.fetch(_RELAYS, f"{examined.name}-relay")
    if not relays["count"]:
        problem = f"{backlog.pending} events wait to be published, and no relay is connected"
        return [Finding(problem=problem, remedy=f"start the worker: {examined.start} worker")]
    late = await examined.reads.fetch(_LATE_TOPICS, LATE)
    return [
        Finding(
            problem=f"{row['rows']} events wait to be published to {row['topic']}, the oldest for more than a minute",
            remedy="check the topic's partitions with `waypost topics`, and the worker's log events of the relay",
        )
        for row in late
    ]


async def quarantined(examined: ExaminedService) -> Findings:
    return [
        Finding(
            problem=f"key {key.key.decode(errors='backslashreplace')} is quarantined, and {key.pending} events wait: {key.reason}",
            remedy=f"correct the reason, then: waypost outbox redrive --service {examined.name}"
            f" --key {key.key.decode(errors='backslashreplace')} --reason '…'",
        )
        for key in await quarantined_keys(examined.reads)
    ]


async def cap(examined: ExaminedService) -> Findings:
    limit = examined.outbox_cap_rows
    rows = await outbox_rows(examined.reads, limit)
    if rows < NEAR_LIMIT * limit:
        return []
    problem = f"the outbox has {rows} of {limit} rows: at the limit, requests that write events are refused"
    return [Finding(problem=problem, remedy="see the findings of the relay and of quarantined keys")]
