"""A batch of records is parsed with the results of parsing one after the other."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from tests.fixtures.envelopes import user_created_envelope
from waypost.engine.consumer.message import Message, MessageParser
from waypost.kernel.envelope import Record
from waypost.kernel.ids import EventId
from waypost.schemas.application import application_codec
from waypost.testing.envelopes import record_of

CODEC = application_codec()
KIND = type(user_created_envelope().event)


def a_record(*, version: int = 1, offset: int = 0) -> Record:
    return record_of(user_created_envelope(version=version), CODEC, offset=offset)


def facts(message: Message) -> Any:
    """The message, with its error as text: two errors are never equal."""
    return (*message[:3], repr(message.poison))


def compared(parser: MessageParser, records: list[Record]) -> list[Message]:
    together = list(parser.parse_all(records))
    assert list(map(facts, together)) == [facts(parser.parse(record)) for record in records]
    assert all(type(message) is Message for message in together)
    return together


def test_each_kind_of_record_is_parsed_alike() -> None:
    ignored, late = a_record(offset=1), a_record(offset=2)
    parser = MessageParser(
        CODEC, [KIND], since={KIND: datetime.min.replace(tzinfo=user_created_envelope().occurred_at.tzinfo)}
    )
    (first, *_) = compared(parser, [a_record(), ignored, late])
    assert first.envelope is not None
    parser.without = frozenset({EventId(parser.parse(ignored).event_id)})
    assert compared(parser, [a_record(), ignored, late])[1].envelope is None
    assert compared(MessageParser(CODEC, []), [ignored])[0].envelope is None
    after = user_created_envelope().occurred_at + timedelta(days=1)
    assert compared(MessageParser(CODEC, [KIND], since={KIND: after}), [late])[0].envelope is None


def test_poison_among_others_is_named() -> None:
    other = user_created_envelope()
    tombstone, torn = a_record()._replace(value=None), a_record()._replace(value=b"\0\0\0")
    stranger = record_of(other._replace(tenant_id=user_created_envelope().tenant_id), CODEC)
    misplaced = a_record()._replace(key=str(uuid4()).encode())
    bare = a_record()._replace(headers=[])
    parsed = compared(
        MessageParser(CODEC, [KIND]), [a_record(), tombstone, torn, stranger, misplaced, bare, a_record()]
    )
    assert [type(message.poison).__name__ for message in parsed] == [
        "NoneType",
        "UndecodableRecord",
        "UndecodableRecord",
        "TenantMismatch",
        "MalformedHeaders",
        "MalformedHeaders",
        "NoneType",
    ]


@st.composite
def hostile(draw: st.DrawFn) -> Record:
    record = a_record(version=draw(st.integers(0, 3)), offset=draw(st.integers(0, 9)))
    body = bytearray(record.value or b"")
    for place, byte in draw(st.dictionaries(st.integers(0, len(body) - 1), st.integers(0, 255), max_size=2)).items():
        body[place] = byte
    headers: list[Any] = list(record.headers)
    for place, value in draw(
        st.dictionaries(st.integers(0, len(headers) - 1), st.one_of(st.binary(max_size=40), st.none()), max_size=1)
    ).items():
        headers[place] = (headers[place][0], value)
    end = draw(st.one_of(st.just(len(body)), st.integers(0, len(body))))
    return record._replace(value=bytes(body[:end]), headers=headers)


@given(records=st.lists(hostile(), max_size=30))
def test_hostile_records_are_parsed_alike(records: list[Record]) -> None:
    compared(MessageParser(CODEC, [KIND]), records)
