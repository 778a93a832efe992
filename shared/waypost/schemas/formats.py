"""What the codec looks up per record: every locked version, parsed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastavro import parse_schema

from waypost.kernel.errors import Misconfigured
from waypost.kernel.event import Event
from waypost.schemas.fit import Fitting
from waypost.schemas.lock import read_lock
from waypost.schemas.sources import Definition, SchemaSource, newest, read_sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One published version: how it was written, and how it is read today."""

    schema_id: int
    event_type: str
    version: int
    event_class: type[Event]
    definition: Definition
    """As its file says it; the two that follow are parsed."""
    schema: Any
    reader_schema: Any
    """The type's newest schema; None where this is it, because resolving costs half as much again."""
    fitting: Fitting


@dataclass(frozen=True, slots=True, kw_only=True)
class Formats:
    by_id: Mapping[int, Format]
    newest: Mapping[type[Event], Format]


def read_formats(root: Path, events: Mapping[str, type[Event]]) -> Formats:
    """Raises Misconfigured where sources, lock and generated classes do not belong together: `waypost schemas check` says how."""
    sources = read_sources(root)
    ids = {(line.type, line.version): line.id for line in read_lock(root)}
    latest = newest(sources)
    parsed = {(source.event_type, source.version): parse_schema(source.definition) for source in sources}
    by_id: dict[int, Format] = {}
    for source in sources:
        key = (source.event_type, source.version)
        if key not in ids or source.event_type not in events:
            raise Misconfigured(
                f"{source.label} is not locked or has no class: run `waypost schemas generate` and `lock`"
            )
        target = latest[source.event_type]
        by_id[ids[key]] = Format(
            schema_id=ids[key],
            event_type=source.event_type,
            version=source.version,
            event_class=events[source.event_type],
            definition=source.definition,
            schema=parsed[key],
            reader_schema=None if source is target else parsed[(target.event_type, target.version)],
            fitting=Fitting(source),
        )
    return Formats(by_id=by_id, newest=_newest_of(by_id, latest))


def _newest_of(by_id: Mapping[int, Format], latest: Mapping[str, SchemaSource]) -> dict[type[Event], Format]:
    return {
        format_.event_class: format_
        for format_ in by_id.values()
        if latest[format_.event_type].version == format_.version
    }
