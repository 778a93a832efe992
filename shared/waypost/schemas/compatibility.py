"""FULL_TRANSITIVE compatibility, by Avro's own checker: each version reads all earlier versions of
its type, and they read the version.
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
    """One finding for each pair of versions and each direction that is incompatible."""
    ordered = sorted(sources, key=lambda source: (source.event_type, source.version))
    for _, versions in groupby(ordered, key=lambda source: source.event_type):
        for older, newer in combinations(versions, 2):
            yield from _unreadable(reader=newer, writer=older)
            yield from _unreadable(reader=older, writer=newer)


def _unreadable(*, reader: SchemaSource, writer: SchemaSource) -> Iterator[SchemaProblem]:
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]  # the constructor in avro has no annotations
    verdict = checker.get_compatibility(_parse(reader), _parse(writer))
    if verdict.compatibility is not SchemaCompatibilityType.compatible:
        yield SchemaProblem(
            max(reader, writer, key=lambda source: source.version).label,
            f"version {reader.version} cannot read version {writer.version}: {'; '.join(sorted(verdict.messages))}",
            "old events stay readable, and old releases read new events during a deployment",
            "add or remove only fields with defaults; otherwise publish a new event type and an upcaster",
        )


def _parse(source: SchemaSource) -> avro.schema.Schema:
    with catch_warnings():
        simplefilter("ignore")  # warnings about unknown logical types, which do not affect compatibility
        return avro.schema.parse(json.dumps(source.definition))
