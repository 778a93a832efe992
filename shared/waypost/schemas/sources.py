"""Reads the `.avsc` files: one file for each published version of an event type."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fastavro.schema import SchemaParseException, UnknownType, fingerprint, parse_schema, to_parsing_canonical_form

from waypost.project import project
from waypost.schemas.problems import SchemaProblem
from waypost.schemas.type_reader import read_fields
from waypost.schemas.types import Definition, Field, RecordType


@dataclass(frozen=True, kw_only=True)
class SchemaSource:
    """One version of one event type, as in its file."""

    event_type: str
    version: int
    path: Path
    definition: Definition

    @property
    def name(self) -> str:
        return str(self.definition["name"])

    @property
    def full_name(self) -> str:
        return f"{self.definition['namespace']}.{self.name}"

    @property
    def service(self) -> str:
        """The service that owns the topic."""
        return self.topic.partition(".")[0]

    @property
    def namespace_service(self) -> str | None:
        """The service in the namespace. None if the namespace has another form."""
        prefix, _, service = str(self.definition["namespace"]).rpartition(".")
        return service if prefix == project().namespace else None

    @property
    def topic(self) -> str:
        return str(self.definition["topic"])

    @property
    def doc(self) -> str:
        return str(self.definition.get("doc", ""))

    @property
    def subject(self) -> str:
        """The subject of this version in a registry (TopicRecordNameStrategy)."""
        return f"{self.topic}-{self.full_name}"

    @property
    def label(self) -> str:
        return f"avro/{self.event_type}/{self.version}.avsc"

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        return read_fields(self.definition)

    @property
    def record(self) -> RecordType:
        """The event as a type of the tree."""
        return RecordType(definition=self.definition, fields=self.fields)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of Avro's canonical form, equal for schemas with the same encoding."""
        return fingerprint(to_parsing_canonical_form(self.definition), "sha256")

    @property
    def digest(self) -> str:
        """SHA-256 of everything except the docs. It includes logical types, units and defaults,
        which the canonical form omits and which must not change either.
        """
        return hashlib.sha256(json.dumps(without_docs(self.definition), sort_keys=True).encode()).hexdigest()


def read_sources(root: Path) -> tuple[SchemaSource, ...]:
    """All versions of all types, sorted by topic, type and version. Raises SchemaProblem for a file
    that is not a valid schema or has a wrong name.
    """
    sources = [_read(path, root) for path in (root / "avro").glob("*/*.avsc")]
    return tuple(sorted(sources, key=lambda source: (source.topic, source.event_type, source.version)))


def newest(sources: tuple[SchemaSource, ...]) -> dict[str, SchemaSource]:
    """The highest version of each event type."""
    return {source.event_type: source for source in sorted(sources, key=lambda source: source.version)}


def _read(path: Path, root: Path) -> SchemaSource:
    label = path.relative_to(root).as_posix()
    if not path.stem.isdecimal():
        raise SchemaProblem(
            label, "the file name is not a version", "versions are 1, 2, 3 …", "rename it to <version>.avsc"
        )
    try:
        definition = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SchemaProblem(label, "the file is not JSON", str(error), "correct it") from error
    missing = [key for key in ("namespace", "name", "topic", "fields") if key not in definition]
    if missing:
        raise SchemaProblem(
            label,
            f"the schema lacks {', '.join(missing)}",
            "the names of classes and topics come from these keys",
            "add them, as in another schema file",
        )
    try:
        parse_schema(definition)
    except (SchemaParseException, UnknownType, KeyError, TypeError) as error:
        raise SchemaProblem(
            label, "the file is not a valid Avro schema", f"{type(error).__name__}: {error}", "correct it"
        ) from error
    return SchemaSource(event_type=path.parent.name, version=int(path.stem), path=path, definition=definition)


def without_docs(value: Any) -> Any:
    """The definition without docs, which may change at any time."""
    if isinstance(value, dict):
        return {key: without_docs(inner) for key, inner in value.items() if key != "doc"}
    return [without_docs(inner) for inner in value] if isinstance(value, list) else value
