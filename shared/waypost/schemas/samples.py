"""One stored event of every version ever locked, which each later release must still read."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from fastavro import parse_schema, schemaless_reader, schemaless_writer

from waypost.schemas.lock import LockedSchema
from waypost.schemas.problems import SchemaProblem
from waypost.schemas.sources import Field, SchemaSource, newest

_MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def sample_path(root: Path, event_type: str, version: int) -> Path:
    """The framed bytes; the values they stand for lie beside, as JSON."""
    return root / "samples" / event_type / f"{version}.bin"


def write_sample(source: SchemaSource, line: LockedSchema, root: Path) -> None:
    """Stores what this version writes. Done once, when it is locked: a sample made later would prove nothing."""
    values = {field.name: _value(source, field) for field in source.fields}
    body = BytesIO()
    schemaless_writer(body, parse_schema(source.definition), values)
    path = sample_path(root, line.type, line.version)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x00" + line.id.to_bytes(4, "big") + body.getvalue())
    path.with_suffix(".json").write_text(json.dumps(readable(values), indent=2) + "\n", encoding="utf-8")


def unreadable_samples(
    sources: Sequence[SchemaSource], lock: Sequence[LockedSchema], root: Path
) -> Iterator[SchemaProblem]:
    """Samples that are missing, name another id, or no longer say what they said."""
    by_key = {(source.event_type, source.version): source for source in sources}
    latest = newest(tuple(sources))
    for line in lock:
        if source := by_key.get((line.type, line.version)):
            reason = _reason(source, latest[line.type], line, root)
            if reason:
                yield SchemaProblem(
                    f"samples/{line.type}/{line.version}.bin",
                    reason,
                    "events like it are in topics and databases",
                    "restore the sample and the schemas from version control; a sample is never made anew",
                )


def readable(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as JSON holds them."""
    return {name: _plain(value) for name, value in values.items()}


def _reason(source: SchemaSource, reader: SchemaSource, line: LockedSchema, root: Path) -> str | None:
    path = sample_path(root, line.type, line.version)
    if not path.exists() or not path.with_suffix(".json").exists():
        return "it is missing"
    payload, told = path.read_bytes(), json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    if payload[:5] != b"\x00" + line.id.to_bytes(4, "big"):
        return f"its frame does not name schema id {line.id}"
    try:
        values = schemaless_reader(
            BytesIO(payload[5:]), parse_schema(source.definition), parse_schema(reader.definition)
        )
    except Exception as error:  # noqa: BLE001 - whatever stops it from being read is the finding
        return f"it cannot be read: {error!r}"
    differing = [name for name, value in readable(_mapping(values)).items() if name in told and told[name] != value]
    return f"it reads otherwise in {', '.join(differing)}" if differing else None


def _mapping(values: Any) -> Mapping[str, Any]:
    return values if isinstance(values, dict) else {}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, UUID) else value


def _value(source: SchemaSource, field: Field) -> Any:
    """A value that differs from every other field's of its kind, so that two swapped fields are noticed."""
    name = f"{source.event_type}.{field.name}"
    match field.kind:
        case "uuid":
            return uuid5(NAMESPACE_URL, name)
        case "timestamp-micros":
            return _MOMENT.replace(second=source.fields.index(field))
        case "long":
            return 100 + source.fields.index(field)
        case "bytes":
            return name.encode()
        case "boolean":
            return True
        case _:
            return "EUR" if field.name == "currency" else f"{field.name} ✓"
