"""FULL_TRANSITIVE: each version reads and is read by every earlier one of its type, as Avro's own
checker judges.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import combinations, groupby
from warnings import catch_warnings, simplefilter

import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from waypost.schemas.problems import SchemaProblem
from waypost.schemas.sources import SchemaSource


def incompatibilities(sources: Sequence[SchemaSource]) -> Iterator[SchemaProblem]:
    """One finding for each pair of versions and direction that does not resolve."""
    ordered = sorted(sources, key=lambda source: (source.event_type, source.version))
    for _, versions in groupby(ordered, key=lambda source: source.event_type):
        for older, newer in combinations(versions, 2):
            yield from _unreadable(reader=newer, writer=older)
            yield from _unreadable(reader=older, writer=newer)


def _unreadable(*, reader: SchemaSource, writer: SchemaSource) -> Iterator[SchemaProblem]:
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]  # avro leaves its constructor unannotated
    verdict = checker.get_compatibility(_parse(reader), _parse(writer))
    if verdict.compatibility is not SchemaCompatibilityType.compatible:
        yield SchemaProblem(
            max(reader, writer, key=lambda source: source.version).label,
            f"version {reader.version} cannot read version {writer.version}: {'; '.join(sorted(verdict.messages))}",
            "old events are read for ever, and old releases read new events while a deployment rolls",
            "add fields with defaults only, remove only such fields; else publish a new event type and an upcaster",
        )


def _parse(source: SchemaSource) -> avro.schema.Schema:
    with catch_warnings():
        simplefilter("ignore")  # of logical types that it does not know, and that do not change how bytes resolve
        return avro.schema.parse(json.dumps(source.definition))
