"""The headers of many records are read together, with the results of reading them one by one."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fixtures.envelopes import TRACEPARENT, user_created_envelope
from waypost.kernel import cloudevents
from waypost.kernel.cloudevents import CONTRACT, REQUIRED, to_headers, to_metadata
from waypost.kernel.envelope import Record
from waypost.kernel.header_columns import SMALLEST, read_together

OPTIONAL = ("ce_sequence", "ce_actorid", "traceparent", "tracestate")
Given = list[tuple[str, Any]]


def headers(*, left_out: Sequence[str] = ()) -> Given:
    envelope = user_created_envelope(version=3, tracestate="vendor=1", actor_id=uuid4())
    return [header for header in to_headers(to_metadata(envelope)) if header[0] not in left_out]


def record(given: Given, *, key: bytes | None = None) -> Record:
    return Record("users.user", 0, 7, 0, key or dict(given).get("ce_subject"), b"", given)


def with_value(given: Given, name: str, value: Any) -> Given:
    return [(each, value if each == name else kept) for each, kept in given]


@pytest.mark.parametrize("count", [1, 2, SMALLEST, 100])
@pytest.mark.parametrize("left_out", [(), OPTIONAL, OPTIONAL[1:], OPTIONAL[2:], OPTIONAL[:1], ("tracestate",)])
def test_records_of_our_producers_are_read_together(count: int, left_out: Sequence[str]) -> None:
    records = [record(headers(left_out=left_out)) for _ in range(count)]
    assert read_together(records) == [cloudevents._read_singly(each.headers) for each in records]


def test_records_with_different_headers_are_read_together() -> None:
    records = [record(headers(left_out=OPTIONAL[place % 3 :])) for place in range(50)]
    assert read_together(records) == [cloudevents._read_singly(each.headers) for each in records]


def test_headers_in_another_order_are_not_mixed_up() -> None:
    first, second = headers(), headers()
    second[2], second[3] = second[3], second[2]
    for each, attributes in zip([first, second], read_together([record(first), record(second)]), strict=True):
        assert attributes in (None, cloudevents._read_singly(each))
    third = headers()
    third[8:11] = [third[9], third[8], third[10]]
    assert read_together([record(first), record(third)]) in (
        [None, None],
        [cloudevents._read_singly(first), cloudevents._read_singly(third)],
    )


def test_no_records_are_read() -> None:
    assert not read_together([])
    assert read_together([record([], key=b"k")]) == [None]


def test_an_invalid_record_leaves_few_others_to_be_read_alone() -> None:
    records = [record(headers()) for _ in range(100)]
    records[60] = record(with_value(headers(), "ce_id", b"17"))
    found = read_together(records)
    assert found[60] is None and found.count(None) < 2 * SMALLEST


@pytest.mark.parametrize("key", [b"k", b"01a22f4f-c00f-7124-a4ff-50990dd7dafa"])
def test_a_key_that_is_not_the_subject_is_left_to_the_parser(key: bytes) -> None:
    assert read_together([record(headers(), key=key)]) == [None]
    (unordered,) = read_together([record(headers(left_out=["ce_sequence"]), key=key)])
    assert unordered is not None  # the key has no meaning without a sequence


@pytest.mark.parametrize("name", ["ce_id", "ce_time", "ce_sequence", "traceparent", "ce_correlationid"])
@pytest.mark.parametrize("moved", [b"", b"\n"])
def test_values_that_are_valid_only_together_are_refused(name: str, moved: bytes) -> None:
    """A part of one record's value is in the next record; all values of a header are checked at
    once.
    """
    first, second = headers(), headers()
    one, two = dict(first)[name], dict(second)[name]
    first, second = with_value(first, name, one + moved + two[:1]), with_value(second, name, two[1:])
    assert read_together([record(first), record(second)]) == [None, None]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ce_time", b"2026-13-01T00:00:00.000000Z"),
        ("ce_sequence", b"01"),
        ("ce_sequence", b"0"),
        ("ce_sequence", b"1" * 19),
        ("ce_sequence", b" 1"),
        ("ce_sequence", "\u0661".encode()),
        ("ce_sequence", b"1_0"),
        ("traceparent", b"01" + TRACEPARENT[2:].encode()),
        ("traceparent", b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01"),
        ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-" + b"0" * 16 + b"-01"),
        ("traceparent", None),
        ("tracestate", b""),
        ("tracestate", None),
        ("ce_id", b"4BF92F35-77B3-4DA6-A3CE-929D0E0E4736"),
        ("ce_correlationid", b"4bf92f3577b34da6a3ce929d0e0e4736"),
        ("ce_type", b"user created"),
        ("ce_source", b"elsewhere"),
        ("content-type", b"application/json"),
        ("ce_specversion", b"0.3"),
    ],
)
@pytest.mark.parametrize("place", [0, 1])
def test_other_values_are_left_to_the_parser(name: str, value: bytes | None, place: int) -> None:
    records = [record(headers()) for _ in range(2)]
    records[place] = record(with_value(headers(), name, value))
    assert read_together(records)[place] is None


_value = st.one_of(st.binary(max_size=40), st.text(max_size=40).map(str.encode), st.none())
_end = st.sampled_from([b"", b"\n", b"x", "\u0661".encode(), b"Z", b"+23:59", b"\nx", b"0"])
_names = st.sampled_from(CONTRACT)
_noise = st.tuples(st.one_of(_names, st.sampled_from(["x", "ce_id\udcff"])), st.binary(max_size=40))


@st.composite
def hostile(draw: st.DrawFn) -> Record:
    """A record of our producers, perhaps changed."""
    given = headers(left_out=draw(st.sampled_from([(), OPTIONAL, OPTIONAL[1:], OPTIONAL[2:]])))
    if name := draw(st.one_of(st.none(), _names)):
        value, end = draw(_value), draw(st.one_of(st.none(), _end))
        given = [(each, kept if each != name else value if end is None else kept + end) for each, kept in given]
    if dropped := draw(st.one_of(st.none(), _names)):
        given = [header for header in given if header[0] != dropped]
    given = draw(st.sampled_from([given, given[::-1], [*given, draw(_noise)], [draw(_noise), *given]]))
    return record(given, key=draw(st.sampled_from([None, None, None, b"k"])))


@given(records=st.lists(hostile(), max_size=40))
def test_hostile_headers_are_read_as_one_by_one_or_not_at_all(records: list[Record]) -> None:
    for each, attributes in zip(records, read_together(records), strict=True):
        if attributes is not None:
            assert attributes == cloudevents._read_singly(each.headers)
            assert attributes.sequence is None or each.key == str(attributes.aggregate_id).encode()


def test_the_contract_names_each_header() -> None:
    assert set(CONTRACT) == {*REQUIRED, *OPTIONAL}
