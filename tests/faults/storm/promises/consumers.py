"""Consumers: each processed the events on its topics once, up to the last version, with their
effect in its rows.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from uuid import UUID

from tests.faults.storm.evidence import WITHOUT_VERSIONS, Evidence, Row, StoredEvent
from tests.faults.storm.promises.finding import Finding, finding


def every_consumer_processed_every_event(evidence: Evidence) -> Finding:
    of_topic: dict[str, list[StoredEvent]] = defaultdict(list)
    for stored in evidence.events:
        of_topic[stored.topic].append(stored)
    pairs = [
        (consumer, event)
        for consumer, topics in evidence.subscriptions.items()
        for topic in topics
        for event in of_topic[topic]
    ]
    missed = [
        f"{consumer} has not processed {event.type} {event.event_id}"
        for consumer, event in pairs
        if event.event_id not in evidence.processed.get(consumer, ())
    ]
    return finding("I1", "every subscribed consumer processed every event", len(pairs), missed)


def only_stored_events_were_processed(evidence: Evidence) -> Finding:
    """Excludes consumers of topics whose records are not stored events: the live view's totals, and
    keys of people.
    """
    stored = {each_event.event_id for each_event in evidence.events}
    consumers = [name for name, topics in evidence.subscriptions.items() if WITHOUT_VERSIONS.isdisjoint(topics)]
    taken = [(name, event) for name in consumers for event in evidence.processed.get(name, ())]
    phantoms = [f"{name} processed {event}, which is not stored" for name, event in taken if event not in stored]
    return finding("I2", "consumers processed only stored events", len(taken), phantoms)


def order_guards_reached_the_last_version(evidence: Evidence) -> Finding:
    last: dict[tuple[str, UUID], int] = defaultdict(int)
    for event in evidence.events:
        place = event.topic, event.aggregate_id
        last[place] = max(last[place], event.version)
    expected = {
        (consumer, topic, aggregate): version
        for consumer, topics in evidence.subscriptions.items()
        for (topic, aggregate), version in last.items()
        if topic in topics
    }
    wrong = [
        f"{consumer} is at version {evidence.guards.get(place, 0)} of {topic} {aggregate}, the last is {version}"
        for place, version in expected.items()
        for consumer, topic, aggregate in (place,)
        if evidence.guards.get(place, 0) != version
    ]
    return finding("I4", "each consumer handled each aggregate up to its last version", len(expected), wrong)


def every_user_became_one_customer_and_recipient(evidence: Evidence) -> Finding:
    users = {(event.tenant_id, event.aggregate_id) for event in evidence.of_type("user.created")}
    opened = Counter((stored.tenant_id, stored.aggregate_id) for stored in evidence.of_type("customer.created"))
    rows = {
        "customer.created": opened,
        "customers row": _counted(evidence.customers, "customer_id"),
        "recipients row": _counted(evidence.recipients, "user_id"),
    }
    return finding("I3", "each user became one customer and one recipient", len(users), _not_one(users, rows))


def every_service_knows_every_tenant(evidence: Evidence) -> Finding:
    tenants = {event.tenant_id for event in evidence.of_type("tenant.created")}
    wrong = [
        f"{service} does not know tenant {tenant}"
        if tenant in tenants
        else f"{service} knows {tenant}, which does not exist"
        for service, known in evidence.directories.items()
        for tenant in known ^ tenants
    ]
    return finding("I1", "each service's directory holds every tenant", len(tenants) * len(evidence.directories), wrong)


def _counted(rows: Sequence[Row], column: str) -> Counter[tuple[UUID, UUID]]:
    return Counter((row["tenant_id"], row[column]) for row in rows)


def _not_one(users: set[tuple[UUID, UUID]], rows: dict[str, Counter[tuple[UUID, UUID]]]) -> Iterator[str]:
    for name, counted in rows.items():
        for tenant, user in users | set(counted):
            expected = int((tenant, user) in users)
            if counted[tenant, user] != expected:
                yield f"{counted[tenant, user]} {name} for user {user} of tenant {tenant}, instead of {expected}"


CHECKS = (
    every_consumer_processed_every_event,
    only_stored_events_were_processed,
    order_guards_reached_the_last_version,
    every_user_became_one_customer_and_recipient,
    every_service_knows_every_tenant,
)
