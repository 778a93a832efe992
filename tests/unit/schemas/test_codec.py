"""Events survive the wire, and nothing on the wire can make the codec raise what its port does not
promise.
"""

import dataclasses
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.billing import InvoiceCreated, InvoicePaid
from schemas.catalogue import EVENTS
from tests.unit.schemas.strategies import events
from tests.unit.schemas.test_classes import user_created
from waypost.kernel.errors import NewerSchema, Permanent, UndecodableRecord
from waypost.kernel.event import Event
from waypost.ports.codec import EventCodec
from waypost.project import project
from waypost.schemas.application import application_codec
from waypost.schemas.lock import LockedSchema, read_lock
from waypost.schemas.samples import sample_path

CODEC: EventCodec = application_codec()


def sample(line: LockedSchema) -> bytes:
    return sample_path(project().schemas_folder, line.type, line.version).read_bytes()


def invoice_paid(**different: Any) -> InvoicePaid:
    paid = InvoicePaid(
        tenant_id=uuid4(),
        invoice_id=uuid4(),
        customer_id=uuid4(),
        number=7,
        amount_minor=1250,
        currency="EUR",
        attempt_id=uuid4(),
        attempt=1,
        provider_charge_id="ch_1",
        paid_at=datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC),
    )
    return dataclasses.replace(paid, **different)


@settings(max_examples=300)
@given(event=events())
def test_an_event_comes_back_as_it_was(event: Event) -> None:
    encoded = CODEC.encode(event)
    assert CODEC.decode(event.type, encoded.payload) == event


def test_the_frame_is_confluents() -> None:
    encoded = CODEC.encode(user_created())
    line = next(line for line in read_lock(project().schemas_folder) if line.type == "user.created")
    assert encoded.schema_id == line.id
    assert encoded.payload[:5] == b"\x00" + line.id.to_bytes(4, "big")


def test_an_optional_field_may_be_null() -> None:
    created = InvoiceCreated(
        tenant_id=uuid4(), invoice_id=uuid4(), customer_id=uuid4(), currency="EUR", created_at=datetime.now(UTC)
    )
    decoded = CODEC.decode("invoice.created", CODEC.encode(created).payload)
    assert decoded == created and created.subscription_id is None


def test_it_knows_its_types() -> None:
    assert CODEC.knows("invoice.paid")
    assert not CODEC.knows("invoice.framed")


def test_a_member_of_a_closed_set_is_written_as_its_text() -> None:
    class Currency(StrEnum):
        EUR = "EUR"

    decoded = CODEC.decode("invoice.paid", CODEC.encode(invoice_paid(currency=Currency.EUR)).payload)
    assert isinstance(decoded, InvoicePaid) and type(decoded.currency) is str


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("amount_minor", 12.5, "is a float, not a int"),
        ("amount_minor", True, "is a bool, not a int"),
        ("amount_minor", 2**63, "does not fit 64 bits"),
        ("amount_minor", None, "is a NoneType"),
        ("currency", 978, "is a int, not a str"),
        ("currency", "\ud800", "is not valid Unicode text"),
        ("invoice_id", "0190a7f2-0000-7000-8000-000000000000", "is a str, not a UUID"),
        ("paid_at", "2026-05-01", "is a str, not a datetime"),
        ("paid_at", datetime(2026, 5, 1), "is a time without a time zone"),  # noqa: DTZ001 - the point of the case
    ],
)
def test_an_event_that_does_not_fit_names_the_field(field: str, value: object, reason: str) -> None:
    with pytest.raises(Permanent, match=reason) as refusal:
        CODEC.encode(invoice_paid(**{field: value}))
    assert refusal.value.facts["field"] == field


def test_a_refusal_does_not_repeat_the_value() -> None:
    with pytest.raises(Permanent) as refusal:
        CODEC.encode(dataclasses.replace(user_created(), email=b"ada@example.org"))  # type: ignore[arg-type]  # the point
    assert "ada@" not in str(refusal.value)


def test_an_event_of_no_published_schema_is_refused() -> None:
    class Stray(Event):
        type, topic = "stray.seen", "users.stray"
        tenant_id = UUID(int=0)

    with pytest.raises(Permanent, match=r"stray\.seen"):
        CODEC.encode(Stray())


@pytest.mark.parametrize("line", read_lock(project().schemas_folder), ids=lambda line: f"{line.type}-{line.version}")
def test_every_version_ever_published_is_still_read(line: LockedSchema) -> None:
    assert CODEC.knows(line.type)
    assert isinstance(CODEC.decode(line.type, sample(line)), Event)


@pytest.mark.parametrize("line", read_lock(project().schemas_folder), ids=lambda line: f"{line.type}-{line.version}")
def test_no_truncation_and_no_trailing_byte_is_taken(line: LockedSchema) -> None:
    whole = sample(line)
    for malformed in (*(whole[:size] for size in range(len(whole))), whole + b"\x00", b"\x01" + whole[1:]):
        with pytest.raises(UndecodableRecord):
            CODEC.decode(line.type, malformed)


@settings(max_examples=500)
@given(event_type=st.sampled_from(sorted(EVENTS)), payload=st.binary(max_size=200))
def test_random_bytes_are_undecodable_and_nothing_else(event_type: str, payload: bytes) -> None:
    with pytest.raises(UndecodableRecord):
        CODEC.decode(event_type, b"\x01" + payload)
    reads_or_refuses(event_type, payload)


@settings(max_examples=1000)
@given(line=st.sampled_from(read_lock(project().schemas_folder)), body=st.binary(max_size=300))
def test_random_bodies_are_read_or_refused(line: LockedSchema, body: bytes) -> None:
    reads_or_refuses(line.type, b"\x00" + line.id.to_bytes(4, "big") + body)


@settings(max_examples=1000)
@given(
    line=st.sampled_from(read_lock(project().schemas_folder)),
    position=st.integers(min_value=0),
    byte=st.integers(0, 255),
)
def test_a_spoilt_byte_is_read_or_refused(line: LockedSchema, position: int, byte: int) -> None:
    payload = bytearray(sample(line))
    payload[position % len(payload)] = byte
    reads_or_refuses(line.type, bytes(payload))


def reads_or_refuses(event_type: str, payload: bytes) -> None:
    """Anything but an event or UndecodableRecord fails the test."""
    try:
        assert CODEC.decode(event_type, payload).type == event_type
    except UndecodableRecord:
        return


@pytest.mark.parametrize(
    ("event_type", "payload", "reason"),
    [
        ("user.created", b"", "shorter than a frame"),
        ("user.created", b"\x00\x00\x00", "shorter than a frame"),
        ("user.created", b"{}     ", "starts with 0x7b"),
        ("user.created", b"\x00\xff\xff\xff\xff", "schema id 4294967295 is not in this release's lock"),
        ("invoice.paid", CODEC.encode(user_created()).payload, r"belongs to user\.created, not to invoice\.paid"),
        ("user.created", CODEC.encode(user_created()).payload + b"!", "1 bytes follow the body"),
    ],
)
def test_a_refusal_says_what_is_wrong(event_type: str, payload: bytes, reason: str) -> None:
    with pytest.raises(UndecodableRecord, match=reason):
        CODEC.decode(event_type, payload)


def test_ids_far_above_the_own_ones_are_of_another_producer() -> None:
    highest = max(line.id for line in read_lock(project().schemas_folder))
    for schema_id, newer in ((highest + 1, True), (highest + 1_000, True), (highest + 1_001, False), (0, False)):
        with pytest.raises(UndecodableRecord) as refusal:
            CODEC.decode("user.created", b"\x00" + schema_id.to_bytes(4, "big"))
        assert isinstance(refusal.value, NewerSchema) is newer
