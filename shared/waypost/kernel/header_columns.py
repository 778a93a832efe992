"""Reads the headers of many records together: column by column, where a column has the values of
one header.

Each column is checked and converted by a few calls for all records. That is faster than a check per
record, but an error names no record. So a record that is not of our own producers, or not valid, is
left to `waypost.kernel.cloudevents.from_headers`.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any
from uuid import UUID

from waypost.kernel.cause import Cause
from waypost.kernel.cloudevents import CONSTANT_VALUES, CONTRACT, REQUIRED, Attributes
from waypost.kernel.envelope import Record
from waypost.kernel.header_forms import (
    SEQUENCE,
    are_uuids,
    sequences_of,
    source_of,
    traceparents_of,
    tracestate_of,
    type_of,
    utcs_of,
)
from waypost.kernel.named_rows import rows_of
from waypost.kernel.uuid_text import uuid_of_canonical

Column = list[bytes]

SMALLEST = 8
"""Fewer records are not divided further to find the records that cannot be read together."""

_REQUIRED, _NAMES = frozenset(REQUIRED), frozenset(CONTRACT)
_IDS = ("ce_id", "ce_tenantid", "ce_subject", "ce_correlationid", "ce_causationid", "ce_actorid")


def read_together(records: Sequence[Record]) -> Sequence[Attributes | None]:
    """The attributes of each record whose headers are exactly those of the contract, in the order
    and in the forms of our producers, and whose key is its `ce_subject` where it has a sequence.
    None for the others.
    """
    shapes = [(len(headers), headers[-1][0]) if (headers := record.headers) else None for record in records]
    different = set(shapes)
    if len(different) == 1:
        return _read(records)
    places: dict[object, list[int]] = defaultdict(list)
    for place, shape in enumerate(shapes):
        places[shape].append(place)
    found: list[Attributes | None] = [None] * len(records)
    for alike in places.values():
        for place, attributes in zip(alike, _read([records[place] for place in alike]), strict=True):
            found[place] = attributes
    return found


def _read(records: Sequence[Record]) -> Sequence[Attributes | None]:
    """Records with the same number of headers. Where they cannot be read together, the halves
    are.
    """
    try:
        return list(_attributes(records))
    except (AttributeError, KeyError, TypeError, ValueError, IndexError):  # a header's value may be null in Kafka
        if len(records) < 2 * SMALLEST:
            return [None] * len(records)
    middle = len(records) // 2
    return [*_read(records[:middle]), *_read(records[middle:])]


def _attributes(records: Sequence[Record]) -> Iterator[Attributes]:
    """Raises ValueError and other errors if one of the records is not as expected."""
    columns = _columns(records)
    for name, value in CONSTANT_VALUES.items():
        if columns[name].count(value) != len(records):
            raise ValueError(f"{name} has another value")
    ids = {name: columns[name] for name in _IDS if name in columns}
    if not are_uuids(list(chain.from_iterable(ids.values()))):
        raise ValueError("not UUIDs in lower case")
    sequences = columns.get(SEQUENCE)
    if sequences is not None and [record.key for record in records] != ids["ce_subject"]:
        raise ValueError("a key is not the subject")
    return rows_of(
        Attributes,
        _uuids(ids["ce_id"]),
        map(type_of, columns["ce_type"]),
        map(source_of, columns["ce_source"]),
        _repeated_uuids(ids["ce_tenantid"]),
        _repeated_uuids(ids["ce_subject"]),
        repeat(None, len(records)) if sequences is None else sequences_of(sequences),
        utcs_of(columns["ce_time"]),
        _causes(ids, columns, len(records)),
    )


def _columns(records: Sequence[Record]) -> Mapping[str, Column]:
    """The values of each header. Raises ValueError unless all records have the same names in the
    same order, those of the contract.
    """
    width = 2 * len(records[0].headers)
    cells: list[Any] = list(chain.from_iterable(chain.from_iterable(record.headers for record in records)))
    columns: dict[str, Column] = {}
    for place in range(0, width, 2):
        names = cells[place::width]
        if names.count(names[0]) != len(records):
            raise ValueError("the names differ")
        columns[names[0]] = cells[place + 1 :: width]
    if 2 * len(columns) != width or not _REQUIRED <= columns.keys() <= _NAMES:
        raise ValueError("other headers than those of the contract")
    return columns


def _causes(ids: Mapping[str, Column], columns: Mapping[str, Column], count: int) -> Iterator[Cause]:
    traceparents, tracestates = columns.get("traceparent"), columns.get("tracestate")
    actors = ids.get("ce_actorid")
    return rows_of(
        Cause,
        _uuids(ids["ce_correlationid"]),
        _uuids(ids["ce_causationid"]),
        repeat(None, count) if traceparents is None else traceparents_of(traceparents),
        repeat(None, count) if tracestates is None or traceparents is None else map(tracestate_of, tracestates),
        repeat(None, count) if actors is None else _uuids(actors),
    )


def _uuids(column: Column) -> Iterator[UUID]:
    return map(uuid_of_canonical, b"\n".join(column).decode().split("\n"))


def _repeated_uuids(column: Column) -> Iterator[UUID]:
    """The same object for the same text: a UUID computes its hash once."""
    known = {text: uuid_of_canonical(text.decode()) for text in set(column)}
    return map(known.__getitem__, column)
