"""The CloudEvents SDK can parse our records."""

from uuid import uuid4

from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event

from tests.fixtures.envelopes import user_created_envelope
from waypost.kernel.cloudevents import to_headers, to_metadata


def test_cloudevents_sdk_parses_our_headers() -> None:
    envelope = user_created_envelope(version=4, actor_id=uuid4())
    payload = b"\0\0\0\0\x1b\xff"  # the SDK gives text where the bytes could be UTF-8, as Avro's now and then are
    key = str(envelope.aggregate_id).encode()
    read = from_binary_event(KafkaMessage(headers=dict(to_headers(to_metadata(envelope))), key=key, value=payload))
    assert (read.get_id(), read.get_source(), read.get_type()) == (
        str(envelope.event_id),
        "/services/users",
        "user.created",
    )
    assert (read.get_subject(), read.get_time()) == (str(envelope.aggregate_id), envelope.occurred_at)
    assert (read.get_specversion(), read.get_datacontenttype(), read.get_data()) == ("1.0", "application/avro", payload)
    extensions = {
        name: read.get_extension(name) for name in ("sequence", "tenantid", "correlationid", "causationid", "actorid")
    }
    assert extensions == {
        "sequence": "4",
        "tenantid": str(envelope.tenant_id),
        "correlationid": str(envelope.cause.correlation_id),
        "causationid": str(envelope.cause.causation_id),
        "actorid": str(envelope.cause.actor_id),
    }
