"""Events of the newest version are read without the Avro library, with the library's results."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.schemas.folder import copied
from tests.unit.schemas.rich import FIELDS, ORDER, ordered, publish
from waypost.kernel.errors import UndecodableRecord
from waypost.schemas import codec as codec_module
from waypost.schemas import wire
from waypost.schemas.codec import AvroCodec


class Release:
    """A release with one event of every type."""

    def __init__(self, codec: AvroCodec, kind: Any) -> None:
        self.codec, self.kind = codec, kind
        self.event: Any = ordered(kind)
        self.payload = codec.encode(self.event).payload

    def read(self, payload: bytes) -> Any:
        return outcome(self.codec.decode, payload)

    def read_by_library(self, payload: bytes) -> Any:
        return outcome(self.codec._read_by_library, payload)


def outcome(decode: Any, payload: bytes) -> Any:
    """The fields as text, because not every number equals itself; None if it is refused."""
    try:
        event = decode(ORDER, payload)
        return {field.name: repr(getattr(event, field.name)) for field in fields(event)}
    except UndecodableRecord:
        return None


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    with pytest.MonkeyPatch.context() as patch, copied(tmp_path_factory.mktemp("read"), patch) as folder:
        publish(folder, ORDER, FIELDS)
        events = folder.events()
        yield Release(AvroCodec(root=folder.root, events=events, upcasters={}), events[ORDER])


def test_the_library_is_not_needed_for_the_newest_version(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec_module, "schemaless_reader", None)
    assert release.codec.decode(ORDER, release.payload) == release.event


@settings(max_examples=500)
@given(data=st.data())
def test_changed_bytes_are_read_or_refused_as_by_the_library(release: Release, data: st.DataObject) -> None:
    body = bytearray(release.payload[5:])
    at = st.integers(0, len(body) - 1)
    for place, byte in data.draw(st.dictionaries(at, st.integers(0, 255), min_size=1, max_size=3)).items():
        body[place] = byte
    end = data.draw(st.one_of(st.just(len(body)), st.integers(0, len(body))))
    payload = release.payload[:5] + bytes(body[:end])
    assert release.read(payload) == release.read_by_library(payload)


@pytest.mark.parametrize("number", [2**62, -(2**62) - 1, 2**63 - 1, -(2**63)])
def test_a_number_of_more_than_63_bits_is_read(release: Release, number: int) -> None:
    line = type(release.event.lines[0])
    event = ordered(release.kind, lines=(line(sku="a", price_minor=number, weight=None, notes=()),))
    assert release.codec.decode(ORDER, release.codec.encode(event).payload) == event


@pytest.mark.parametrize("read", [wire.read_string, wire.read_bytes])
def test_a_negative_size_is_refused(read: wire.Read) -> None:
    """A reader would go back otherwise, and read the same items without end."""
    with pytest.raises(ValueError, match="negative"):
        read(b"\x01ab", 0)


def test_a_number_is_read_to_63_bits() -> None:
    assert wire.read_long(b"\xff" * 8 + b"\x7f", 0) == (-(2**62), 9)
    with pytest.raises(ValueError, match="63 bits"):
        wire.read_long(b"\xff" * 9 + b"\x01", 0)


def test_a_block_may_have_its_size_before_its_items() -> None:
    items = b"\x02a\x02b"
    assert wire.array(wire.read_string)(b"\x03\x08" + items + b"\x02\x02c\x00", 0) == (("a", "b", "c"), 10)


def test_a_fixed_value_that_is_cut_short_is_refused() -> None:
    with pytest.raises(IndexError, match="cut short"):
        wire.fixed(4)(b"abc", 0)


@pytest.mark.parametrize(("data", "value"), [(b"\x00", False), (b"\x01", True)])
def test_a_boolean_is_one_byte(data: bytes, value: bool) -> None:
    assert wire.read_boolean(data, 0) == (value, 1)
