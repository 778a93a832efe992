"""One encoded sample event of each locked version, which all later releases must read."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from fastavro import parse_schema, schemaless_reader, schemaless_writer

from waypost.schemas.lock import LockedSchema
from waypost.schemas.problems import SchemaProblem
from waypost.schemas.sources import SchemaSource, newest
from waypost.schemas.types import (
    ArrayType,
    AvroType,
    DecimalType,
    EnumType,
    FixedType,
    MapType,
    NullableType,
    RecordType,
)

_MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def sample_path(root: Path, event_type: str, version: int) -> Path:
    """Path of the framed bytes. The decoded values are next to it, as JSON."""
    return root / "samples" / event_type / f"{version}.bin"


def write_sample(source: SchemaSource, line: LockedSchema, root: Path) -> None:
    """Encodes one sample event with this schema version and stores it. Called once, when the
    version is locked: a sample encoded by later code would not show that old records are still
    readable.
    """
    values = {
        field.name: _value(field.type, f"{source.event_type}.{field.name}", index)
        for index, field in enumerate(source.fields)
    }
    body = BytesIO()
    schemaless_writer(body, parse_schema(source.definition), values)
    path = sample_path(root, line.type, line.version)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x00" + line.id.to_bytes(4, "big") + body.getvalue())
    path.with_suffix(".json").write_text(json.dumps(readable(values), indent=2) + "\n", encoding="utf-8")


def unreadable_samples(
    sources: Sequence[SchemaSource], lock: Sequence[LockedSchema], root: Path
) -> Iterator[SchemaProblem]:
    """Samples that are missing, have another schema id, or decode to other values."""
    by_key = {(source.event_type, source.version): source for source in sources}
    latest = newest(tuple(sources))
    for line in lock:
        if source := by_key.get((line.type, line.version)):
            reason = _reason(source, latest[line.type], line, root)
            if reason:
                yield SchemaProblem(
                    f"samples/{line.type}/{line.version}.bin",
                    reason,
                    "such events exist in topics and databases",
                    "restore the sample and the schemas from version control; never write a sample again",
                )


def readable(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values in a form that JSON can represent."""
    return {name: _plain(value) for name, value in values.items()}


def _reason(source: SchemaSource, reader: SchemaSource, line: LockedSchema, root: Path) -> str | None:
    path = sample_path(root, line.type, line.version)
    if not path.exists() or not path.with_suffix(".json").exists():
        return "it is missing"
    payload, stored = path.read_bytes(), json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    if payload[:5] != b"\x00" + line.id.to_bytes(4, "big"):
        return f"its frame does not name schema id {line.id}"
    try:
        values = schemaless_reader(
            BytesIO(payload[5:]), parse_schema(source.definition), parse_schema(reader.definition)
        )
    except Exception as error:  # noqa: BLE001 - any error is the finding
        return f"it cannot be read: {error!r}"
    differing = [
        name
        for name, value in readable(_mapping(values)).items()
        if name in stored and not _agrees(stored[name], value)
    ]
    return f"it decodes to other values of {', '.join(differing)}" if differing else None


def _agrees(stored: Any, value: Any) -> bool:
    """True if both values are equal. Ignores fields that later versions added to a record."""
    if isinstance(stored, dict) and isinstance(value, dict):
        return all(_agrees(stored[name], value[name]) for name in stored.keys() & value.keys())
    if isinstance(stored, list) and isinstance(value, list):
        return len(stored) == len(value) and all(map(_agrees, stored, value))
    return bool(stored == value)


def _mapping(values: Any) -> Mapping[str, Any]:
    return values if isinstance(values, dict) else {}


def _plain(value: Any) -> Any:
    match value:
        case datetime() | date() | time():
            return value.isoformat()
        case bytes():
            return value.hex()
        case UUID() | Decimal():
            return str(value)
        case list():
            return [_plain(item) for item in value]
        case dict():
            return readable(value)
        case _:
            return value


def _value(type_: AvroType, name: str, index: int) -> Any:
    """A value that differs from those of all other fields of the kind, so that swapped fields are
    detected.
    """
    match type_:
        case NullableType():
            return _value(type_.value, name, index)
        case ArrayType():
            return [_value(type_.items, f"{name}.{item}", index + item) for item in range(2)]
        case MapType():
            return {f"{item} ✓": _value(type_.values, f"{name}.{item}", index) for item in ("one", "two")}
        case RecordType():
            return {
                item.name: _value(item.type, f"{name}.{item.name}", index + number)
                for number, item in enumerate(type_.fields)
            }
        case EnumType():
            return type_.symbols[-1]
        case FixedType():
            return sha256(name.encode()).digest()[0:1] * type_.size
        case DecimalType():
            return Decimal((0, (index % 9 + 1,), -type_.scale))
    return _scalar(type_.kind, name, index)


def _scalar(kind: str, name: str, index: int) -> Any:
    field = name.rpartition(".")[2]
    match kind:
        case "uuid":
            return uuid5(NAMESPACE_URL, name)
        case "timestamp-micros":
            return _MOMENT.replace(second=index % 60)
        case "timestamp-millis":
            return _MOMENT.replace(second=index % 60, microsecond=678000)
        case "time-micros":
            return _MOMENT.replace(second=index % 60).time()
        case "time-millis":
            return _MOMENT.replace(second=index % 60, microsecond=678000).time()
        case "date":
            return _MOMENT.date() + timedelta(days=index)
        case "int" | "long":
            return 100 + index
        case "float" | "double":
            return index + 0.5
        case "bytes":
            return name.encode()
        case "boolean":
            return True
        case _:
            return "EUR" if field == "currency" else f"{field} ✓"
