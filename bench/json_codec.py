"""Events as JSON by orjson and pydantic, to measure the cost of Avro. It has no schemas, so readers
of another version would fail.
"""

from dataclasses import fields, replace
from typing import Any, cast

import orjson
from pydantic import TypeAdapter

from waypost.kernel.event import Event
from waypost.ports.codec import EncodedEvent, EventCodec, PublishedSchema


class JsonCodec:
    """`waypost.ports.codec.EventCodec`, with the types and topics of another codec."""

    def __init__(self, avro: EventCodec, events: dict[str, type[Event]]) -> None:
        self._avro = avro
        self._fields = {name: [field.name for field in fields(cast(Any, kind))] for name, kind in events.items()}
        self._bytes = {
            name: [field.name for field in fields(cast(Any, kind)) if field.type is bytes]
            for name, kind in events.items()
        }
        self._readers: dict[str, TypeAdapter[Any]] = {name: TypeAdapter(kind) for name, kind in events.items()}

    def encode(self, event: Event) -> EncodedEvent:
        return EncodedEvent(
            schema_id=0,
            payload=orjson.dumps({name: getattr(event, name) for name in self._fields[event.type]}, default=_text),
        )

    def decode(self, event_type: str, payload: bytes) -> Event:
        event: Event = self._readers[event_type].validate_json(payload)
        digits = {name: value for name in self._bytes[event_type] if (value := getattr(event, name))}
        return cast(
            Event, replace(cast(Any, event), **{name: bytes.fromhex(value.decode()) for name, value in digits.items()})
        )

    @property
    def personal_types(self) -> frozenset[str]:
        return self._avro.personal_types

    @property
    def topics(self) -> frozenset[str]:
        return self._avro.topics

    def knows(self, event_type: str) -> bool:
        return self._avro.knows(event_type)

    def schema_of(self, kind: type[Event]) -> PublishedSchema:
        return self._avro.schema_of(kind)


def _text(value: object) -> str:
    """Bytes as hexadecimal digits; other values as their text."""
    return value.hex() if isinstance(value, bytes) else str(value)
