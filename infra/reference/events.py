"""The events on the topics, from the Avro sources."""

from infra.reference.markdown import code, page, table
from waypost.project import project
from waypost.schemas.lock import read_lock
from waypost.schemas.sources import SchemaSource, newest, read_sources
from waypost.schemas.types import Field


def events_page() -> str:
    root = project().schemas_folder
    ids = {(line.type, line.version): line.id for line in read_lock(root)}
    latest = sorted(newest(read_sources(root)).values(), key=lambda source: (source.topic, source.event_type))
    return page(
        "Events",
        "Each event type with its newest schema. Records are Avro in Confluent framing; headers are CloudEvents 1.0."
        " A record is written in the oldest version that holds the event; its frame names that version.",
        *(_section(source, ids[source.event_type, source.version]) for source in latest),
    )


def _section(source: SchemaSource, schema_id: int) -> str:
    rows = [(code(field.name), _type(field), field.doc) for field in source.fields]
    facts = f"Topic `{source.topic}`, version {source.version}, schema id {schema_id}."
    return f"## `{source.event_type}`\n\n{source.doc} {facts}\n\n{table(('field', 'type', 'meaning'), rows)}"


def _type(field: Field) -> str:
    return code(field.kind + (" or null" if field.nullable else ""))
