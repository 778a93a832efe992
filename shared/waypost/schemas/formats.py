"""The parsed form of every locked version, which the codec looks up for each record."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastavro import parse_schema

from waypost.kernel.errors import Misconfigured
from waypost.kernel.event import Event
from waypost.schemas.defaults import fill_defaults
from waypost.schemas.lock import read_lock
from waypost.schemas.logical import wire_definition
from waypost.schemas.older_versions import OlderVersion, keeps_all_fields, older_version
from waypost.schemas.problems import SchemaProblem
from waypost.schemas.record_reader import record
from waypost.schemas.sources import SchemaSource, newest, read_sources
from waypost.schemas.types import Definition
from waypost.schemas.upcasters import Upcasters
from waypost.schemas.values import FieldCodec, decoders, field_codecs
from waypost.schemas.wire import Read


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One published version: its schema, its current reader schema and its conversions."""

    schema_id: int
    event_type: str
    version: int
    event_class: type[Event]
    definition: Definition
    """The schema as in its file. The next two fields are parsed schemas."""
    schema: Any
    reader_schema: Any
    """The newest schema of the type. None if this version is the newest, because schema resolution
    costs 50 % more time.
    """
    encoders: tuple[tuple[str, type | None, Callable[[Any], Any]], ...]
    """For each field of the newest version: name, the Python type that needs no check, and the
    encoder. See `ValueCodec`.
    """
    decoders: tuple[tuple[str, Callable[[Any], Any]], ...]
    """Name and conversion of the fields that the Avro library does not decode to their Python
    type.
    """
    read: Read | None
    """Reads the body without the Avro library. None for a version with a field that the newest one
    does not have, and for a version with an upcaster.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Formats:
    by_id: Mapping[int, Format]
    newest: Mapping[type[Event], Format]
    older: Mapping[type[Event], tuple[OlderVersion, ...]]
    """The older versions that events may be written in, oldest first. Types with one version are
    missing.
    """


def read_formats(root: Path, events: Mapping[str, type[Event]], upcasters: Upcasters) -> Formats:
    """Reads all formats. Raises Misconfigured if a source or the lock is damaged, and if sources,
    lock and generated classes differ; `waypost schemas check` reports the differences.
    """
    try:
        sources, lock = read_sources(root), read_lock(root)
    except SchemaProblem as problem:
        raise Misconfigured(str(problem)) from problem
    ids = {(line.type, line.version): line.id for line in lock}
    latest = newest(sources)
    for source in sources:
        if (source.event_type, source.version) not in ids or source.event_type not in events:
            raise Misconfigured(
                f"{source.label} is not locked or has no class: run `waypost schemas lock` and `waypost schemas generate`"
            )
    parsed = {event_type: _parsed(source) for event_type, source in latest.items()}
    by_id: dict[int, Format] = {}
    for source in sources:
        key, kind = (source.event_type, source.version), events[source.event_type]
        target = latest[source.event_type]
        fields = _field_codecs(target, kind)
        by_id[ids[key]] = Format(
            schema_id=ids[key],
            event_type=source.event_type,
            version=source.version,
            event_class=kind,
            definition=source.definition,
            schema=parsed[source.event_type] if source is target else _parsed(source),
            reader_schema=None if source is target else parsed[source.event_type],
            encoders=tuple((field.name, field.value.plain, field.value.encode) for field in fields),
            decoders=decoders(fields),
            read=_reader(source, target, kind) if key not in upcasters else None,
        )
    return Formats(by_id=by_id, newest=_newest_of(by_id, latest), older=_older(sources, latest, by_id, upcasters))


def _parsed(source: SchemaSource) -> Any:
    """Parsed by fastavro, with converted defaults."""
    return fill_defaults(parse_schema(wire_definition(source.definition)), source.record)


def _field_codecs(source: SchemaSource, kind: type[Event]) -> tuple[FieldCodec, ...]:
    try:
        return field_codecs(source.fields, kind)
    except (KeyError, IndexError) as error:
        raise Misconfigured(
            f"{kind.__name__} does not have the fields of {source.label}: run `waypost schemas generate`"
        ) from error


def _newest_of(by_id: Mapping[int, Format], latest: Mapping[str, SchemaSource]) -> dict[type[Event], Format]:
    return {
        format_.event_class: format_
        for format_ in by_id.values()
        if latest[format_.event_type].version == format_.version
    }


def _reader(source: SchemaSource, target: SchemaSource, kind: type[Event]) -> Read | None:
    if not keeps_all_fields(source.fields, target.fields):
        return None
    return record(kind, [(field.name, field.value.read) for field in _field_codecs(source, kind)])


def _older(
    sources: Sequence[SchemaSource],
    latest: Mapping[str, SchemaSource],
    by_id: Mapping[int, Format],
    upcasters: Upcasters,
) -> dict[type[Event], tuple[OlderVersion, ...]]:
    """Starts again after a version with a field that was removed since: a reader between them would
    take the default of that field for a statement.
    """
    formats = {(format_.event_type, format_.version): format_ for format_ in by_id.values()}
    found: dict[type[Event], tuple[OlderVersion, ...]] = {}
    for source in sorted(sources, key=lambda source: source.version):
        target, key = latest[source.event_type], (source.event_type, source.version)
        format_ = formats[key]
        if source is target:
            continue
        if not keeps_all_fields(source.fields, target.fields):
            found.pop(format_.event_class, None)
            continue
        version = older_version(format_.schema_id, format_.schema, source.fields, target.fields, upcasters.get(key))
        found[format_.event_class] = (*found.get(format_.event_class, ()), version)
    return found
