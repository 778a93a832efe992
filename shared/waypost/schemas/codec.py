"""Encodes events as Avro in Confluent framing, and decodes them. Schema ids come from the lock; no
registry is needed at run time.
"""

from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from struct import Struct
from typing import Any, cast

from fastavro import schemaless_reader, schemaless_writer

from waypost.kernel.errors import NewerSchema, Permanent, UndecodableRecord
from waypost.kernel.event import Event
from waypost.ports.codec import EncodedEvent, PublishedSchema
from waypost.schemas.formats import Format, Formats, read_formats
from waypost.schemas.older_versions import OlderVersion
from waypost.schemas.scalar_values import Misfit
from waypost.schemas.upcasters import Upcasters
from waypost.schemas.wire import Read

_FRAME = Struct(">BI")
"""Confluent's wire format: magic byte 0, then the schema id in four bytes, big-endian."""
_FRAME_BYTES = _FRAME.size

NEWER_SCHEMAS = 1_000
"""By how much a newer release's schema id may exceed the ids of this release."""


class AvroCodec:
    """`waypost.ports.codec.EventCodec` over the committed schemas, which are parsed once at
    construction.
    """

    def __init__(
        self,
        *,
        root: Path,
        events: Mapping[str, type[Event]],
        upcasters: Upcasters,
    ) -> None:
        self._formats: Formats = read_formats(root, events, upcasters)
        self._events = events
        self._upcasters = upcasters
        self._readers = dict(self._direct_readers())

    def encode(self, event: Event) -> EncodedEvent:
        kind = type(event)
        newest = self._newest(kind)
        values = _values(event, newest)
        written: Format | OlderVersion = newest
        for version in self._formats.older.get(kind, ()):
            if version.holds(event, values):
                written = version
                break
        body = BytesIO()
        body.write(_FRAME.pack(0, written.schema_id))
        try:
            schemaless_writer(body, written.schema, values)
        except Exception as error:
            raise _diagnosis(event, newest, error) from error
        return EncodedEvent(schema_id=written.schema_id, payload=body.getvalue())

    def decode(self, event_type: str, payload: bytes) -> Event:
        if read := self._readers.get((event_type, payload[:_FRAME_BYTES])):
            try:
                event, end = read(payload, _FRAME_BYTES)
                if end == len(payload):
                    decoded: Event = event
                    return decoded
            except Exception:  # noqa: BLE001, S110 - the library names the reason
                pass
        return self._read_by_library(event_type, payload)

    def _read_by_library(self, event_type: str, payload: bytes) -> Event:
        """Reads any version, and explains why it cannot: raises UndecodableRecord."""
        written = self._format(event_type, payload)
        body = BytesIO(payload)
        body.seek(_FRAME.size)
        try:
            event = self._read(written, body)
        except Exception as error:  # invalid bytes cause EOFError, IndexError, ValueError, OverflowError … in fastavro
            raise _unreadable(written, str(error) or type(error).__name__) from error
        if trailing := len(payload) - body.tell():
            raise _unreadable(written, f"{trailing} bytes follow the body")
        return event

    @property
    def topics(self) -> frozenset[str]:
        return frozenset(kind.topic for kind in self._events.values())

    @property
    def personal_types(self) -> frozenset[str]:
        return frozenset(kind.type for kind in self._events.values() if kind.personal)

    def knows(self, event_type: str) -> bool:
        return event_type in self._events

    def schema_of(self, kind: type[Event]) -> PublishedSchema:
        newest = self._newest(kind)
        return PublishedSchema(schema_id=newest.schema_id, version=newest.version, definition=newest.definition)

    def _newest(self, kind: type[Event]) -> Format:
        newest = self._formats.newest.get(kind)
        if newest is None:
            raise Permanent(f"{kind.__name__} ({kind.type}) has no published schema", event_type=kind.type)
        return newest

    def _format(self, event_type: str, payload: bytes) -> Format:
        """The schema version of the frame. Its event type must equal that of the record."""
        if len(payload) < _FRAME.size:
            raise UndecodableRecord("the value is shorter than a frame", size=len(payload))
        magic, schema_id = _FRAME.unpack_from(payload)
        if magic != 0:
            raise UndecodableRecord(f"the value starts with {magic:#04x}, not with Confluent's 0x00", magic=magic)
        written = self._formats.by_id.get(schema_id)
        if written is None:
            raise self._unknown(schema_id)
        if written.event_type != event_type:
            raise UndecodableRecord(
                f"schema id {schema_id} belongs to {written.event_type}, not to {event_type}",
                schema_id=schema_id,
                event_type=event_type,
            )
        return written

    def _unknown(self, schema_id: int) -> UndecodableRecord:
        """Ids are consecutive, so an id above the highest one belongs to a newer release; one far
        above it, to another producer.
        """
        highest = max(self._formats.by_id, default=0)
        if highest < schema_id <= highest + NEWER_SCHEMAS:
            return NewerSchema(
                f"schema id {schema_id} is newer than this release, whose lock ends at {highest}: deploy the release that"
                " contains it, which then handles the record",
                schema_id=schema_id,
            )
        return UndecodableRecord(f"schema id {schema_id} is not in this release's lock", schema_id=schema_id)

    def _direct_readers(self) -> Iterator[tuple[tuple[str, bytes], Read]]:
        """By type and frame: readers whose events need no conversion."""
        for written in self._formats.by_id.values():
            if written.read is not None:
                yield (written.event_type, _FRAME.pack(0, written.schema_id)), written.read

    def _read(self, written: Format, body: BytesIO) -> Event:
        values = cast(dict[str, Any], schemaless_reader(body, written.schema, written.reader_schema))
        for name, convert in written.decoders:
            values[name] = convert(values[name])
        event = written.event_class(**values)
        upcast = self._upcasters.get((written.event_type, written.version))
        return event if upcast is None else upcast(event)


def _values(event: Event, newest: Format) -> dict[str, Any]:
    """The values for the Avro writer, by field. Raises Permanent for a value that does not fit, and
    names the field.
    """
    values: dict[str, Any] = {}
    for name, expected, encode in newest.encoders:
        value = getattr(event, name)
        if type(value) is not expected:
            try:
                value = encode(value)
            except Misfit as misfit:
                raise _refusal(event, misfit.under(name)) from misfit
        values[name] = value
    return values


def _diagnosis(event: Event, newest: Format, error: Exception) -> Permanent:
    """The error for a value that the writer refused despite its type: too large for the field, or
    not valid Unicode.
    """
    for name, _, encode in newest.encoders:
        try:
            encode(getattr(event, name))
        except Misfit as misfit:
            return _refusal(event, misfit.under(name))
    return Permanent(f"{event.type} does not fit its schema: {error}", event_type=event.type)


def _refusal(event: Event, misfit: Misfit) -> Permanent:
    # The message omits the value, which may be personal data.
    return Permanent(f"{event.type}: field {misfit.path!r} {misfit.reason}", event_type=event.type, field=misfit.path)


def _unreadable(written: Format, reason: str) -> UndecodableRecord:
    return UndecodableRecord(
        f"the body is not a valid {written.event_type} version {written.version}: {reason}",
        schema_id=written.schema_id,
        event_type=written.event_type,
    )
