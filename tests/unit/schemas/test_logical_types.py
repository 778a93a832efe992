"""UUIDs and times are converted by the codec, not by the Avro library: both agree on each body."""

from io import BytesIO
from typing import Any

from fastavro import parse_schema, schemaless_reader
from hypothesis import given, settings
from hypothesis import strategies as st

from waypost.kernel.errors import UndecodableRecord
from waypost.kernel.event import Event
from waypost.project import project
from waypost.schemas.application import application_codec
from waypost.schemas.lock import read_lock
from waypost.schemas.samples import sample_path
from waypost.schemas.sources import SchemaSource, newest, read_sources

ROOT = project().schemas_folder
CODEC = application_codec()
IDS = {(line.type, line.version): line.id for line in read_lock(ROOT)}
SOURCES = list(newest(read_sources(ROOT)).values())
PARSED = {source.event_type: parse_schema(source.definition) for source in SOURCES}
CONVERTED = ("uuid", "timestamp-micros", "timestamp-millis")


@st.composite
def bodies(draw: st.DrawFn, source: SchemaSource) -> bytes:
    """The sample with a few other bytes, perhaps cut short or longer."""
    body = bytearray(sample_path(ROOT, source.event_type, source.version).read_bytes()[5:])
    for at, byte in draw(st.dictionaries(st.integers(0, len(body) - 1), st.integers(0, 255), max_size=4)).items():
        body[at] = byte
    end = draw(st.one_of(st.just(len(body)), st.integers(0, len(body))))
    return bytes(body[:end]) + draw(st.one_of(st.just(b""), st.binary(max_size=3)))


def read_by_library(source: SchemaSource, body: bytes) -> dict[str, Any] | None:
    """The values by the schema as published, logical types included; None for invalid bytes."""
    stream = BytesIO(body)
    try:
        values: Any = schemaless_reader(stream, PARSED[source.event_type], None)
    except Exception:  # noqa: BLE001 - invalid bytes cause errors of many classes
        return None
    return None if stream.read() else values


def read_by_codec(source: SchemaSource, body: bytes) -> Event | None:
    frame = b"\x00" + IDS[source.event_type, source.version].to_bytes(4, "big")
    try:
        return CODEC.decode(source.event_type, frame + body)
    except UndecodableRecord:
        return None


@settings(max_examples=1500)
@given(data=st.data(), source=st.sampled_from(SOURCES))
def test_the_codec_and_the_library_accept_the_same_bodies_with_the_same_values(
    data: st.DataObject, source: SchemaSource
) -> None:
    body = data.draw(bodies(source))
    values, event = read_by_library(source, body), read_by_codec(source, body)
    if values is None:
        assert event is None
        return
    for field in source.fields:
        if field.kind in CONVERTED:
            assert getattr(event, field.name) == values[field.name]
