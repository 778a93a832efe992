"""The audit names the events that are published and that a consumer has passed without seeing."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaProducer

from tests.fixtures.outbox import NewRow, write
from tests.integration.operations.doctor.patient import Patient, healthy
from waypost.operations.doctor import versions
from waypost.operations.doctor.finding import Finding
from waypost.postgres.read_session import read_session
from waypost.testing.database import Databases, connected
from waypost.testing.topics import create_topic, unique

STORE = """
insert into events (tenant_id, aggregate_type, aggregate_id, version, event_id, type, schema_id, payload, metadata, occurred_at)
select '018f0000-0000-7000-8000-000000000001', $1, $2, version, gen_random_uuid(), 'tenant.created', 1, '', '{}', now()
from generate_series(1, $3::int) as version"""
SEE = "insert into tenants.versions (topic, aggregate_id, version) values ($1, $2, $3)"
POSITION = "insert into consumer_offsets (consumer, topic, partition, next_offset) values ('users.tenants', $1, 0, $2)"
DEAD_LETTER = """
insert into dead_letters (id, consumer, event_id, topic, partition, kafka_offset, key, sequence, headers, status)
values (gen_random_uuid(), 'users.tenants', gen_random_uuid(), $1, 0, 1, convert_to($2::text, 'UTF8'), 3, '{}', 'discarded')"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A tenant with three events, of which the consumer has seen two; its position is at the
    end.
    """

    patient: Patient
    topic: str
    bootstrap: str
    tenant_id: UUID

    async def findings(self, events: int = 100) -> Sequence[Finding]:
        async with read_session(self.patient.database.owner, application_name="waypost-command") as owner:
            found = await versions.published("users", owner, self.bootstrap, events)
        return await versions.unseen(self.patient.examined, found)


@pytest.fixture
async def case(database: Databases, kafka: str) -> AsyncIterator[Case]:
    topic, tenant_id = await create_topic(kafka, unique("users.tenant"), partitions=1), uuid4()
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        await producer.send_and_wait(topic, b"", partition=0)
    async with healthy(await database("users"), bootstrap=kafka, topic=topic) as patient:
        await patient.change(STORE, topic.partition(".")[2], tenant_id, 3)
        await patient.change(SEE, topic, tenant_id, 2)
        await patient.change(POSITION, topic, 1)
        yield Case(patient=patient, topic=topic, bootstrap=kafka, tenant_id=tenant_id)


async def test_an_event_that_a_consumer_never_saw_is_named(case: Case) -> None:
    (finding,) = await case.findings()
    assert finding.problem == (
        f"users.tenants has passed the newest events of 1 aggregates of {case.topic} without seeing them,"
        f" such as {case.tenant_id}: version 3 is published, 2 was seen"
    )
    assert finding.remedy.startswith(f"waypost events republish {case.topic}")
    assert "waypost projections rebuild users.tenants" in finding.remedy


async def test_a_reactor_has_its_own_versions(case: Case) -> None:
    await case.patient.change("update declared_consumers set kind = 'reactor'")
    (finding,) = await case.findings()
    assert "version 3 is published, 0 was seen" in finding.problem
    await case.patient.change(
        "insert into consumer_versions values ('users.tenants', $1, $2, 3)", case.topic, case.tenant_id
    )
    assert await case.findings() == []


async def test_events_that_were_seen_are_no_finding(case: Case) -> None:
    await case.patient.change("update tenants.versions set version = 3")
    assert await case.findings() == []


async def test_an_event_that_waits_in_the_outbox_is_not_published_yet(case: Case) -> None:
    async with connected(case.patient.database.owner) as owner:
        await write(owner, NewRow(topic=case.topic, key=str(case.tenant_id).encode(), payload=b""))
    assert await case.findings() == []


async def test_an_event_with_a_dead_letter_was_seen(case: Case) -> None:
    await case.patient.change(DEAD_LETTER, case.topic, str(case.tenant_id))
    assert await case.findings() == []


async def test_a_consumer_that_is_behind_is_not_compared(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "CATCH_UP_SECONDS", 0.0)
    await case.patient.change("update consumer_offsets set next_offset = 0")
    (note,) = await case.findings()
    assert note.is_note
    assert "is behind" in note.problem and "waypost consumers" in note.remedy


async def test_only_the_last_events_are_read(case: Case) -> None:
    await case.patient.change(STORE, "other", uuid4(), 5)
    assert await case.findings(events=5) == []
