"""The toolkit's own rules for schema files."""

import re
from collections.abc import Collection, Iterator, Sequence

from waypost.project import project
from waypost.schemas.evolution import evolution_problems
from waypost.schemas.field_rules import field_problems
from waypost.schemas.money import money_problems
from waypost.schemas.problems import SchemaProblem
from waypost.schemas.sources import SchemaSource
from waypost.schemas.type_names import type_name_problems
from waypost.schemas.types import EnumType, RecordType, nested, nested_fields

_TYPE = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


def lint(sources: Sequence[SchemaSource], topics: Collection[str]) -> Iterator[SchemaProblem]:
    """Problems of each file, then of the versions of each type. `topics` are the topics in
    `topics.yaml`.
    """
    for source in sources:
        yield from _names(source)
        yield from _topic(source, topics)
        yield from _tenant_first(source)
        yield from _docs(source)
        yield from money_problems(source)
        yield from field_problems(source)
    yield from type_name_problems(sources)
    yield from evolution_problems(sources)


def _names(source: SchemaSource) -> Iterator[SchemaProblem]:
    where, event_type = source.label, source.event_type
    if not _TYPE.fullmatch(event_type):
        yield SchemaProblem(
            where,
            f"{event_type!r} is not a valid event type",
            "event types have the form <aggregate>.<past tense>",
            "rename the folder",
        )
    if source.definition.get("event_type") != event_type:
        yield SchemaProblem(
            where,
            '"event_type" is not the folder\'s name',
            "a schema must be complete without its folder",
            f"write {event_type!r}",
        )
    record = "".join(word.capitalize() for word in re.split(r"[._]", event_type))
    expected = f"{project().namespace}.{source.namespace_service or source.service}.{record}"
    if source.full_name != expected:
        yield SchemaProblem(
            where,
            f"the name of the record is {source.full_name}",
            "subjects and classes are named after the event type",
            f"rename it to {expected}",
        )


def _topic(source: SchemaSource, topics: Collection[str]) -> Iterator[SchemaProblem]:
    topic, publisher = source.topic, source.namespace_service
    if not _TYPE.fullmatch(topic):
        yield SchemaProblem(
            source.label,
            f"{topic!r} is not a valid topic",
            "topics have the form <service>.<aggregate>",
            'correct "topic"',
        )
    elif publisher is not None and publisher != source.service:
        own = ", ".join(sorted(name for name in topics if name.startswith(f"{publisher}."))) or "none is declared yet"
        yield SchemaProblem(
            source.label,
            f"the topic {topic} belongs to the service {source.service}, the record to {publisher}",
            "only the owner of a topic publishes to it, so that the events of each key are in order",
            f"name a topic of {publisher} ({own}), or declare {publisher}.<aggregate> in topics.yaml",
        )
    elif topic not in topics:
        yield SchemaProblem(
            source.label,
            f"the topic {topic} is not declared",
            "the topic would not exist in Kafka, and the events would stay in the outbox",
            f"declare it in topics.yaml, or correct the name; declared are {', '.join(sorted(topics)) or 'none'}",
        )


def _tenant_first(source: SchemaSource) -> Iterator[SchemaProblem]:
    first = source.fields[0] if source.fields else None
    if first is None or first.name != "tenant_id" or first.kind != "uuid" or first.nullable:
        yield SchemaProblem(
            source.label,
            "the first field is not tenant_id",
            "every event belongs to one tenant",
            "add tenant_id, a uuid, as the first field",
        )


def _docs(source: SchemaSource) -> Iterator[SchemaProblem]:
    silent = [] if source.doc.strip() else ["the record itself"]
    silent += [path for path, field in nested_fields(source.fields) if not field.doc.strip()]
    silent += [
        f"{type_.definition['name']} (type of {path})"
        for field in source.fields
        for path, type_ in nested(field.type, field.name)
        if isinstance(type_, RecordType | EnumType) and not str(type_.definition.get("doc", "")).strip()
    ]
    if silent:
        yield SchemaProblem(
            source.label,
            f"no doc on {', '.join(silent)}",
            "docs become docstrings and the events reference",
            'add "doc"',
        )
