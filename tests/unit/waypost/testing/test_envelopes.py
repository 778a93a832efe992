"""A consumer reads from a record the envelope that the record was made from."""

from datetime import UTC, datetime
from uuid import uuid4

from schemas.users import TenantCreated
from waypost.engine.consumer.message import MessageParser
from waypost.kernel.ids import new_id
from waypost.schemas.application import application_codec
from waypost.testing import envelope_of, record_of

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
EVENT = TenantCreated(tenant_id=uuid4(), name="Engines", created_at=NOW)


def test_a_record_reads_as_its_envelope() -> None:
    tenant_id = new_id()
    envelope = envelope_of(EVENT, tenant_id, 3, at=NOW)
    record = record_of(envelope, application_codec(), partition=2, offset=9)
    assert (record.topic, record.partition, record.offset) == (TenantCreated.topic, 2, 9)
    message = MessageParser(application_codec(), [TenantCreated]).parse(record)
    assert message.envelope == envelope


def test_without_other_values_it_is_of_the_service_of_its_topic_and_new() -> None:
    first, second = envelope_of(EVENT), envelope_of(EVENT)
    assert first.source == "/services/users"
    assert (first.tenant_id, first.aggregate_version) == (EVENT.tenant_id, 1)
    assert first.event_id != second.event_id
    assert first.aggregate_id != second.aggregate_id
