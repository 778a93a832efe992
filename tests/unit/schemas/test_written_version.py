"""An event is written in the oldest schema version that holds it, for readers of older releases.

The judge is reading: a version holds an event if its bytes decode, with the upcasters, to the
event. The expected bytes come from the Avro library and the schema files alone.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from decimal import Decimal
from io import BytesIO
from typing import Any, NamedTuple

import pytest
from fastavro import parse_schema, schemaless_writer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.catalogue import EVENTS
from tests.unit.schemas.folder import copied
from tests.unit.schemas.rich import decimal, publish
from tests.unit.schemas.strategies import events, events_of
from tests.unit.schemas.test_evolution import CLOSED
from waypost.kernel.errors import UndecodableRecord
from waypost.kernel.event import Event
from waypost.kernel.frozen_map import FrozenMap
from waypost.project import project
from waypost.schemas import codec as codec_module
from waypost.schemas.application import application_codec
from waypost.schemas.codec import AvroCodec
from waypost.schemas.evolution import by_type
from waypost.schemas.lock import LockedSchema, read_lock
from waypost.schemas.samples import sample_path
from waypost.schemas.sources import SchemaSource, read_sources

LOCK = read_lock(project().schemas_folder)
CODEC = application_codec()
TYPE = "tenant.packed"


class Versions:
    """All versions of one project, and the payload of an event in each of them."""

    def __init__(self, codec: AvroCodec, sources: Sequence[SchemaSource], lock: Sequence[LockedSchema]) -> None:
        self.codec = codec
        ids = {(line.type, line.version): line.id for line in lock}
        self._versions = {
            event_type: [(ids[event_type, source.version], source, parse_schema(source.definition)) for source in found]
            for event_type, found in by_type(sources).items()
        }

    def oldest(self, event: Event) -> bytes:
        """The payload in the oldest version that gives the event back."""
        return next(payload for payload in self._payloads(event) if self._is_read_back(event, payload))

    def _payloads(self, event: Event) -> Iterator[bytes]:
        for schema_id, source, schema in self._versions[event.type]:
            body = BytesIO()
            values = {field.name: _plain(getattr(event, field.name)) for field in source.fields}
            try:
                schemaless_writer(body, schema, values)
            except ValueError:  # a symbol that the version does not have
                continue
            yield b"\0" + schema_id.to_bytes(4, "big") + body.getvalue()

    def _is_read_back(self, event: Event, payload: bytes) -> bool:
        try:
            decoded = self.codec.decode(event.type, payload)
        except UndecodableRecord:
            return False
        return decoded == event and repr(decoded) == repr(event)  # -0.0 and 0.0 are equal


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, FrozenMap):
        return {key: _plain(item) for key, item in value.items()}
    return value


def with_defaults(draw: st.DrawFn, value: Any) -> Any:
    """The value, where some fields have their defaults, at every depth."""
    if isinstance(value, tuple):
        return tuple(with_defaults(draw, item) for item in value)
    if isinstance(value, FrozenMap):
        return FrozenMap({key: with_defaults(draw, item) for key, item in value.items()})
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    changed = {}
    for field in dataclasses.fields(value):
        has_default = field.default is not dataclasses.MISSING
        keep = not has_default or draw(st.integers(0, 3)) == 0
        changed[field.name] = with_defaults(draw, getattr(value, field.name)) if keep else field.default
    return dataclasses.replace(value, **changed)


@st.composite
def partly_default(draw: st.DrawFn, of: st.SearchStrategy[Event]) -> Event:
    event: Event = with_defaults(draw, draw(of))
    return event


PUBLISHED = Versions(CODEC, read_sources(project().schemas_folder), LOCK)


@settings(max_examples=400)
@given(event=partly_default(events()))
def test_the_oldest_version_that_reads_back_is_written(event: Event) -> None:
    encoded = CODEC.encode(event)
    assert encoded.payload == PUBLISHED.oldest(event)
    assert encoded.payload[1:5] == encoded.schema_id.to_bytes(4, "big")


@pytest.mark.parametrize("line", LOCK, ids=lambda line: f"{line.type}-{line.version}")
def test_each_sample_is_written_as_its_own_version(line: LockedSchema, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample has no default in a field that its version added. It is read without the library."""
    payload = sample_path(project().schemas_folder, line.type, line.version).read_bytes()
    monkeypatch.setattr(codec_module, "schemaless_reader", None)
    event = CODEC.decode(line.type, payload)
    assert type(event) is EVENTS[line.type]
    assert CODEC.encode(event).payload == payload
    monkeypatch.undo()
    assert event == CODEC._read_by_library(line.type, payload)


def record(name: str, *fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "record",
        "name": name,
        "doc": "A part.",
        "fields": [{"doc": "A value.", **each} for each in fields],
    }


def fields(*, newer: bool) -> list[dict[str, Any]]:
    """Every place where a version may add something."""
    symbols = ["unknown", "small", *(["large"] if newer else [])]
    size = {"type": "enum", "name": "Size", "doc": "A size.", "symbols": symbols, "default": "unknown"}
    added = (
        {"name": "size", "type": "Size", "default": "small"},
        {"name": "rate", "type": decimal(5, 2), "default": "\u0000\u0001"},
        {"name": "ratio", "type": "double", "default": 0.0},
    )
    part = record("Part", {"name": "code", "type": "string"}, *(added if newer else ()))
    return [
        {"name": "of_size", "type": size},
        {"name": "main", "type": part},
        {"name": "spare", "type": ["null", "Part"], "default": None},
        {"name": "parts", "type": {"type": "array", "items": ["null", "Part"]}},
        {"name": "named", "type": {"type": "map", "values": "Part"}},
        {"name": "sizes", "type": {"type": "array", "items": "Size"}},
    ]


ADDED: list[dict[str, Any]] = [
    {"name": "extra", "type": "Part", "default": {"code": "none"}},
    {"name": "weight", "type": decimal(8, 3), "default": "\u0000"},
    {"name": "scores", "type": {"type": "array", "items": "double"}, "default": [0.0]},
    {"name": "labels", "type": {"type": "map", "values": "float"}, "default": {"a": 0.0}},
    {"name": "note", "type": ["null", "string"], "default": None},
    {"name": "day", "type": {"type": "int", "logicalType": "date"}, "default": 0},
    {"name": "owner", "type": {"type": "string", "logicalType": "uuid"}}
    | {"default": "00000000-0000-0000-0000-00000000000a"},
]


class Nested(NamedTuple):
    versions: Versions
    kind: Any
    source: SchemaSource


@pytest.fixture(scope="module")
def nested(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nested]:
    with pytest.MonkeyPatch.context() as patch, copied(tmp_path_factory.mktemp("written"), patch) as folder:
        publish(folder, TYPE, fields(newer=False))
        publish(folder, TYPE, fields(newer=True), 2)
        publish(folder, TYPE, [*fields(newer=True), *ADDED], 3)
        kinds, sources = folder.events(), read_sources(folder.root)
        codec = AvroCodec(root=folder.root, events=kinds, upcasters={})
        *_, newest = (source for source in sources if source.event_type == TYPE)
        yield Nested(Versions(codec, sources, read_lock(folder.root)), kinds[TYPE], newest)


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_the_version_of_nested_values_is_the_oldest_that_reads_back(nested: Nested, data: st.DataObject) -> None:
    event = data.draw(partly_default(events_of(nested.kind, nested.source.fields)))
    payload = nested.versions.codec.encode(event).payload
    assert payload == nested.versions.oldest(event)
    assert nested.versions.codec.decode(TYPE, payload) == event


@pytest.mark.parametrize(
    ("different", "version"),
    [
        ({}, 1),
        ({"of_size": "large"}, 2),
        ({"sizes": ("small", "large")}, 2),
        ({"main": {"rate": Decimal("0.02")}}, 2),
        ({"main": {"ratio": -0.0}}, 2),
        ({"spare": {"size": "large"}}, 2),
        ({"parts": (None, {"rate": Decimal("0.00")})}, 2),
        ({"named": FrozenMap({"a": {}, "b": {"ratio": 0.5}})}, 2),
        ({"weight": Decimal("0.001")}, 3),
        ({"scores": (-0.0,)}, 3),
        ({"labels": FrozenMap({"a": -0.0})}, 3),
        ({"note": ""}, 3),
    ],
)
def test_each_addition_needs_its_version(nested: Nested, different: dict[str, Any], version: int) -> None:
    kinds: dict[str, Any] = {field.name: field.type for field in dataclasses.fields(nested.kind)}
    part, size = kinds["main"], kinds["of_size"]

    def made(value: Any) -> Any:
        match value:
            case FrozenMap():
                return FrozenMap({key: made(item) for key, item in value.items()})
            case dict():
                return part(**{"code": "x", **{name: made(item) for name, item in value.items()}})
            case tuple():
                return tuple(map(made, value))
            case "large" | "small":
                return size(value)
        return value

    plain = {"tenant_id": CLOSED["tenant_id"], "of_size": "small", "main": {}, "parts": (), "sizes": ()}
    event = nested.kind(**{name: made(value) for name, value in {**plain, "named": FrozenMap(), **different}.items()})
    encoded = nested.versions.codec.encode(event)
    assert nested.versions.codec._formats.by_id[encoded.schema_id].version == version
    assert repr(nested.versions.codec.decode(TYPE, encoded.payload)) == repr(event)
