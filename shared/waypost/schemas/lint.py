"""What Avro's own rules do not ask of a schema and this house does."""

import re
from collections.abc import Iterator, Sequence

from waypost.project import project
from waypost.schemas.generate import PYTHON_TYPES
from waypost.schemas.problems import SchemaProblem
from waypost.schemas.sources import Field, SchemaSource

_TYPE = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_FIELD = re.compile(r"[a-z][a-z0-9_]*")


def lint(sources: Sequence[SchemaSource]) -> Iterator[SchemaProblem]:
    """Everything found in the files taken one by one, then along the versions of each type."""
    for source in sources:
        yield from _names(source)
        yield from _tenant_first(source)
        yield from _docs(source)
        yield from _money(source)
        for field in source.fields:
            yield from _field(source, field)
    yield from _versions(sources)
    yield from _meanings(sources)


def _names(source: SchemaSource) -> Iterator[SchemaProblem]:
    where, event_type = source.label, source.event_type
    if not _TYPE.fullmatch(event_type):
        yield SchemaProblem(
            where, f"{event_type!r} is no event type", "types read <aggregate>.<past tense>", "rename the folder"
        )
    if not _TYPE.fullmatch(source.topic):
        yield SchemaProblem(
            where, f"{source.topic!r} is no topic", "topics read <service>.<aggregate>", 'correct "topic"'
        )
    if source.definition.get("event_type") != event_type:
        yield SchemaProblem(
            where,
            '"event_type" is not the folder\'s name',
            "a schema is read without its folder too",
            f"write {event_type!r}",
        )
    expected = f"{project().namespace}.{source.service}." + "".join(
        word.capitalize() for word in re.split(r"[._]", event_type)
    )
    if source.full_name != expected:
        yield SchemaProblem(
            where,
            f"the record is called {source.full_name}",
            "subjects and classes follow the type",
            f"call it {expected}",
        )


def _tenant_first(source: SchemaSource) -> Iterator[SchemaProblem]:
    first = source.fields[0] if source.fields else None
    if first is None or first.name != "tenant_id" or first.kind != "uuid" or first.nullable:
        yield SchemaProblem(
            source.label,
            "its first field is not tenant_id",
            "every fact belongs to one tenant",
            "start with tenant_id, a uuid",
        )


def _docs(source: SchemaSource) -> Iterator[SchemaProblem]:
    silent = [field.name for field in source.fields if not field.doc.strip()]
    if not source.doc.strip():
        silent.insert(0, "the record itself")
    if silent:
        yield SchemaProblem(
            source.label, f"no doc on {', '.join(silent)}", "docs become docstrings and reference", 'add "doc"'
        )


def _money(source: SchemaSource) -> Iterator[SchemaProblem]:
    amounts = [field for field in source.fields if field.name.endswith("_minor")]
    wrong = [field.name for field in amounts if field.kind != "long" or field.definition.get("unit") != "minor"]
    if wrong:
        yield SchemaProblem(
            source.label,
            f"{', '.join(wrong)} is no money",
            "money is a long of minor units",
            'make it a long with "unit": "minor"',
        )
    if amounts and not any(field.name == "currency" and field.kind == "string" for field in source.fields):
        yield SchemaProblem(
            source.label,
            "it names amounts but no currency",
            "an amount alone says nothing",
            "add the string field currency",
        )


def _field(source: SchemaSource, field: Field) -> Iterator[SchemaProblem]:
    where = f"{source.label}, field {field.name}"
    if not _FIELD.fullmatch(field.name):
        yield SchemaProblem(where, "the name is not snake case", "it becomes an attribute", "rename it")
    if field.kind == "enum":
        yield SchemaProblem(
            where,
            "it is an enum",
            "an enum can never grow under FULL_TRANSITIVE",
            "make it a string and list the values in its doc",
        )
    elif field.kind not in PYTHON_TYPES:
        yield SchemaProblem(
            where,
            f"the type {field.kind} is not used here",
            f"the codec knows {', '.join(PYTHON_TYPES)}",
            "use one of these",
        )
    if field.personal and (field.kind != "string" or field.nullable or field.has_default):
        yield SchemaProblem(
            where,
            "it is personal but not a plain string",
            "it may one day hold ciphertext",
            "make it a string without null or default",
        )
    if field.nullable and field.definition.get("default", "") is not None:
        yield SchemaProblem(
            where, "it may be null but does not default to it", "older events lack it", 'add "default": null'
        )


def _versions(sources: Sequence[SchemaSource]) -> Iterator[SchemaProblem]:
    for event_type, versions in _by_type(sources).items():
        numbers = [source.version for source in versions]
        if numbers != list(range(1, len(numbers) + 1)):
            yield SchemaProblem(
                f"avro/{event_type}",
                f"its versions are {numbers}",
                "every version ever published stays, counted from 1",
                "restore or rename",
            )
        if len({source.topic for source in versions}) > 1:
            yield SchemaProblem(
                f"avro/{event_type}",
                "its versions name several topics",
                "a topic is the order of its events",
                "name one",
            )


def _meanings(sources: Sequence[SchemaSource]) -> Iterator[SchemaProblem]:
    for versions in _by_type(sources).values():
        known: dict[str, tuple[SchemaSource, Field]] = {}
        for source in versions:
            for field in source.fields:
                first, before = known.setdefault(field.name, (source, field))
                for aspect in (aspect for aspect in field.meaning if field.meaning[aspect] != before.meaning[aspect]):
                    yield SchemaProblem(
                        f"{source.label}, field {field.name}",
                        f"the {aspect} is {field.meaning[aspect]}, in version {first.version} it is {before.meaning[aspect]}",
                        "old events would be read as other values, and Avro's checker does not see it",
                        "give the new meaning a new field name",
                    )


def _by_type(sources: Sequence[SchemaSource]) -> dict[str, list[SchemaSource]]:
    by_type: dict[str, list[SchemaSource]] = {}
    for source in sorted(sources, key=lambda source: (source.event_type, source.version)):
        by_type.setdefault(source.event_type, []).append(source)
    return by_type
