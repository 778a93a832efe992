"""The store and the topics: every event is published, nothing else is, and each aggregate's
versions are in order.
"""

from collections import defaultdict
from collections.abc import Iterator
from uuid import UUID

from tests.faults.storm.evidence import Evidence, SeenRecord, StoredEvent
from tests.faults.storm.promises.finding import Finding, finding


def every_event_is_on_its_topic(evidence: Evidence) -> Finding:
    published = {record.event_id for record in evidence.records}
    lost = [
        f"{event.type} {event.event_id} (version {event.version} of {event.aggregate_id}) is not on {event.topic}"
        for event in evidence.events
        if event.event_id not in published
    ]
    return finding("I1", "every stored event is on its topic", len(evidence.events), lost)


def every_record_is_a_stored_event(evidence: Evidence) -> Finding:
    stored = {each_event.event_id: each_event for each_event in evidence.events}

    def violations() -> Iterator[str]:
        for record in evidence.records:
            event = stored.get(record.event_id)
            if event is None:
                yield f"{record.place}: {record.headers['ce_type']} {record.event_id} is not stored"
            elif wrong := _differences(record, event):
                yield f"{record.place}: {record.event_id} differs from the store in {', '.join(wrong)}"

    return finding("I2", "every record is a stored event, byte for byte", len(evidence.records), violations())


def versions_are_in_order(evidence: Evidence) -> Finding:
    """First appearances, without duplicates by event id: 1, 2, 3 … for every aggregate, without a
    gap. On a topic that was lost and filled again each version must be there, once: its consumers
    apply each in its turn.
    """
    first: dict[tuple[str, str], dict[UUID, int]] = defaultdict(dict)
    for record in evidence.records:
        first[record.topic, record.key].setdefault(record.event_id, record.version)
    found = {
        (topic, key): sorted(versions.values()) if topic in evidence.refilled_topics else list(versions.values())
        for (topic, key), versions in first.items()
    }
    wrong = [
        f"{topic} {key}: versions are {versions}"
        for (topic, key), versions in found.items()
        if versions != list(range(1, len(versions) + 1))
    ]
    twice = len(evidence.records) - len({this_record.event_id for this_record in evidence.records})
    remark = f"{twice} records are duplicates, as at-least-once allows"
    if evidence.refilled_topics:
        remark += f"; filled again: {', '.join(sorted(evidence.refilled_topics))}"
    return finding("I4", "each aggregate's versions are in order", len(first), wrong, remark)


def stored_versions_have_no_gap(evidence: Evidence) -> Finding:
    stored: dict[tuple[str, UUID], list[int]] = defaultdict(list)
    for event in evidence.events:
        stored[event.topic, event.aggregate_id].append(event.version)
    wrong = [
        f"{topic} {aggregate}: versions {sorted(versions)} are stored"
        for (topic, aggregate), versions in stored.items()
        if sorted(versions) != list(range(1, len(versions) + 1))
    ]
    return finding("I4", "no aggregate's stored versions have a gap", len(stored), wrong)


def _differences(record: SeenRecord, event: StoredEvent) -> list[str]:
    expected = {
        "ce_type": event.type,
        "ce_subject": str(event.aggregate_id),
        "ce_sequence": str(event.version),
        "ce_tenantid": str(event.tenant_id),
    }
    wrong = [name for name, value in expected.items() if record.headers.get(name) != value]
    wrong += ["topic"] if record.topic != event.topic else []
    wrong += ["key"] if record.key != str(event.aggregate_id) else []
    return wrong + (["payload"] if record.value != event.payload else [])


CHECKS = (
    every_event_is_on_its_topic,
    every_record_is_a_stored_event,
    versions_are_in_order,
    stored_versions_have_no_gap,
)
