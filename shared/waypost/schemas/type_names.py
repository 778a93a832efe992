"""Rules for the names of records and enums inside events. They become classes of one module per
service, so each name must be unique there.
"""

import re
from collections.abc import Iterator, Sequence

from waypost.schemas.problems import SchemaProblem
from waypost.schemas.sources import SchemaSource, newest, without_docs
from waypost.schemas.types import Definition, EnumType, FixedType, RecordType, full_name, nested, simple_name

_CLASS = re.compile(r"[A-Z][A-Za-z0-9]*")
_IMPORTED = frozenset({"UTC", "ClassVar", "Decimal", "EVENTS", "Event", "FrozenMap", "Mapping", "StrEnum", "UUID"})


def type_name_problems(sources: Sequence[SchemaSource]) -> Iterator[SchemaProblem]:
    """Problems of all files. Compares two events in their newest versions."""
    for source in sources:
        for name, definition in _named(source):
            yield from _form(source, name, definition)
    latest = [source for _, source in sorted(newest(tuple(sources)).items())]
    events = {(source.service, source.name): source for source in latest}
    first: dict[tuple[str, str], tuple[SchemaSource, Definition]] = {}
    for source in latest:
        for name, definition in _named(source):
            if (source.service, name) in events:
                yield SchemaProblem(
                    source.label,
                    f"the type {name} has the name of the event {events[source.service, name].event_type}",
                    "both become classes of one module",
                    "give the type another name",
                )
            other, known = first.setdefault((source.service, name), (source, definition))
            if without_docs(known) != without_docs(definition):
                yield SchemaProblem(
                    source.label,
                    f"the type {name} differs from {name} in {other.label}",
                    f"both become one class {name} in {source.service}.py",
                    "make them equal in the newest versions of both events, or give one another name",
                )


def _named(source: SchemaSource) -> Iterator[tuple[str, Definition]]:
    for field in source.fields:
        for _, type_ in nested(field.type, field.name):
            if isinstance(type_, EnumType | FixedType | RecordType):
                yield simple_name(type_), type_.definition


def _form(source: SchemaSource, name: str, definition: Definition) -> Iterator[SchemaProblem]:
    namespace = str(source.definition["namespace"])
    if not _CLASS.fullmatch(name) or name in _IMPORTED:
        yield SchemaProblem(
            source.label,
            f"the type name {name} is not a valid class name",
            "type names are in Pascal case (InvoiceLine) and differ from the classes that the module imports",
            "rename it",
        )
    if full_name(definition, namespace) != f"{namespace}.{name}":
        yield SchemaProblem(
            source.label,
            f"the type {full_name(definition, namespace)} is not in the namespace of its event",
            "types belong to the service that publishes the event",
            f"remove the namespace of {name}",
        )
