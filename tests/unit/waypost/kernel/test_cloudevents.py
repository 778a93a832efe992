"""Metadata comes back as it went, and a header that breaks the contract is named."""

import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fixtures.envelopes import TRACEPARENT, user_created_envelope
from waypost.kernel import cloudevents
from waypost.kernel.cloudevents import from_headers, from_metadata, in_order, to_headers, to_metadata, with_trace
from waypost.kernel.errors import MalformedHeaders

REQUIRED = (
    "content-type",
    "ce_specversion",
    "ce_id",
    "ce_source",
    "ce_type",
    "ce_time",
    "ce_subject",
    "ce_tenantid",
    "ce_correlationid",
    "ce_causationid",
)
TRACE = ("traceparent", "tracestate")
OPTIONAL = ("ce_sequence", "ce_actorid", *TRACE)
CHECKED = [*REQUIRED, "ce_sequence", "ce_actorid"]
"""Headers whose content is part of the event: one that is malformed makes the record poison."""


def headers(**replaced: bytes) -> list[tuple[str, bytes]]:
    """Well-formed ones, all of them set, some replaced (a name's dash is written as an
    underscore).
    """
    envelope = user_created_envelope(version=3, tracestate="vendor=1", actor_id=uuid4())
    return [(name, replaced.get(name.replace("-", "_"), value)) for name, value in to_headers(to_metadata(envelope))]


def test_an_envelope_comes_back_from_its_headers() -> None:
    envelope = user_created_envelope(version=9, tracestate="a=b", actor_id=uuid4())
    assert from_headers(to_headers(to_metadata(envelope))).around(envelope.event) == envelope


def test_the_order_that_jsonb_has_lost_is_the_contracts() -> None:
    published = to_metadata(user_created_envelope(tracestate="vendor=1", actor_id=uuid4()))
    kept = dict(sorted(published.items(), key=lambda each: (len(each[0]), each[0])))
    assert list(in_order({**kept, "other": "1"}).items()) == [*published.items(), ("other", "1")]


def test_an_envelope_comes_back_from_stored_json() -> None:
    envelope = user_created_envelope(actor_id=uuid4())
    assert from_metadata(json.loads(json.dumps(to_metadata(envelope)))).around(envelope.event) == envelope


def test_metadata_that_was_stored_gives_the_same_headers() -> None:
    metadata = to_metadata(user_created_envelope())
    assert sorted(to_headers(json.loads(json.dumps(metadata)))) == sorted(to_headers(metadata))


def test_all_headers_of_the_contract_are_there_once() -> None:
    assert [name for name, _ in headers()] == [*REQUIRED[:7], "ce_sequence", *REQUIRED[7:], *OPTIONAL[1:]]


def test_what_is_not_set_is_left_out() -> None:
    bare = user_created_envelope(version=0, traceparent=None)
    metadata = to_metadata(bare)
    assert not set(OPTIONAL) & set(metadata)
    parsed = from_metadata(metadata)
    assert parsed.sequence is None and parsed.cause.traceparent is None
    assert parsed.around(bare.event) == bare


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_header_is_named(name: str) -> None:
    with pytest.raises(MalformedHeaders, match=f"header {name} is missing") as refusal:
        from_headers([header for header in headers() if header[0] != name])
    assert refusal.value.facts["header"] == name


@pytest.mark.parametrize("name", CHECKED)
def test_a_header_that_is_there_twice_is_named(name: str) -> None:
    given = headers()
    with pytest.raises(MalformedHeaders, match=f"header {name} is repeated"):
        from_headers([*given, (name, dict(given)[name])])


@pytest.mark.parametrize("name", CHECKED)
def test_bytes_that_are_no_text_are_named(name: str) -> None:
    with pytest.raises(MalformedHeaders, match=f"header {name} has a value that is not UTF-8 text"):
        from_headers(headers(**{name.replace("-", "_"): b"\xff"}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("content_type", b"application/json"),
        ("ce_specversion", b"0.3"),
        ("ce_id", b"17"),
        ("ce_id", b"{4bf92f35-77b3-4da6-a3ce-929d0e0e4736}"),
        ("ce_id", b"4BF92F35-77B3-4DA6-A3CE-929D0E0E4736"),
        ("ce_source", b"elsewhere"),
        ("ce_subject", b""),
        ("ce_tenantid", b"none"),
        ("ce_time", b"yesterday"),
        ("ce_time", b"2026-02-30T00:00:00Z"),
        ("ce_time", b"2026-02-03T00:00:00"),
        ("ce_time", b"0001-01-01T00:00:00+23:59"),
        ("ce_time", b"9999-12-31T23:59:59-00:01"),
        ("ce_type", b"user\0created"),
        ("ce_type", b"user created"),
        ("ce_sequence", b"9223372036854775808"),
        ("ce_sequence", b"0"),
        ("ce_sequence", b"-1"),
        ("ce_sequence", b"1.5"),
        ("ce_sequence", "٣".encode()),
        ("ce_actorid", b"root"),
        ("ce_actorid", b""),
    ],
)
def test_a_malformed_header_is_named(name: str, value: bytes) -> None:
    with pytest.raises(MalformedHeaders) as refusal:
        from_headers(headers(**{name: value}))
    assert refusal.value.facts["header"] == name.replace("content_type", "content-type")


TRACE_FIELDS = b"4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    "invalid",
    [
        b"",
        b"00-abc-def-01",
        b"\xff",
        b"ff-" + TRACE_FIELDS,
        b"00-" + TRACE_FIELDS.upper(),
        b"00-" + TRACE_FIELDS + b"-extra",
        b"01-" + TRACE_FIELDS + b"extra",
        b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-" + b"0" * 16 + b"-01",
        None,
    ],
)
def test_a_trace_that_is_not_valid_is_ignored(invalid: bytes) -> None:
    cause = from_headers(headers(traceparent=invalid)).cause
    assert (cause.traceparent, cause.tracestate) == (None, None)


@pytest.mark.parametrize("name", TRACE)
def test_a_repeated_header_of_the_trace_is_ignored(name: str) -> None:
    given = headers()
    assert getattr(from_headers(given).cause, name)
    assert getattr(from_headers([*given, (name, dict(given)[name])]).cause, name) is None


@pytest.mark.parametrize("later", [b"", b"-of a later version"])
def test_the_known_fields_of_a_later_version_are_read(later: bytes) -> None:
    parsed = from_headers(headers(traceparent=b"01-" + TRACE_FIELDS + later))
    assert parsed.cause.traceparent == (b"00-" + TRACE_FIELDS).decode()


@pytest.mark.parametrize("invalid", [b"", b"\xff", b"a=\x00", b"a=\n", "a=é".encode(), b"a" * 513, None])
def test_a_tracestate_that_is_not_valid_leaves_the_trace(invalid: bytes) -> None:
    cause = from_headers(headers(tracestate=invalid)).cause
    assert (cause.traceparent, cause.tracestate) == (TRACEPARENT, None)


@pytest.mark.parametrize("name", ["ce_id\udcff", "x-\udcff", "\udcff"])
def test_a_name_that_is_not_text_is_shown_as_bytes(name: str) -> None:
    with pytest.raises(MalformedHeaders) as refusal:
        from_headers([*headers(), (name, b"1")])
    assert refusal.value.facts["header"] == repr(name.encode(errors="surrogateescape"))
    assert str(refusal.value).isascii()


def test_unknown_headers_are_ignored() -> None:
    strangers = [("x-retry", b"1"), ("x-retry", b"\xff"), ("caf\u00e9", b"")]
    given = headers()
    assert from_headers([*given, *strangers]) == from_headers(given)


def test_a_span_takes_the_place_of_the_one_before() -> None:
    moved = with_trace([*headers(), ("traceparent", b"a second one")], TRACEPARENT.replace("00f0", "11f1"))
    assert [value for name, value in moved if name == "traceparent"] == [TRACEPARENT.replace("00f0", "11f1").encode()]
    assert from_headers(moved).cause.tracestate is None
    assert from_headers(with_trace(moved, TRACEPARENT, "vendor=2")).cause.tracestate == "vendor=2"


def test_the_headers_of_our_producers_are_read_at_once() -> None:
    """With the result of reading them one after the other."""
    for present in ((), ("ce_sequence",), OPTIONAL):
        given = [header for header in headers() if header[0] in (*REQUIRED, *present)]
        assert cloudevents._read_at_once(given) == cloudevents._read_singly(given)


@pytest.mark.parametrize("moved", [b"", b"\n"])
def test_ids_that_are_valid_only_together_are_refused(moved: bytes) -> None:
    """A part of one id in the next header; all are checked at once."""
    given = dict(headers())
    event_id, tenant_id = given["ce_id"] + moved, given["ce_tenantid"]
    given |= {"ce_id": event_id + tenant_id[:5], "ce_tenantid": tenant_id[5:]}
    with pytest.raises(MalformedHeaders, match="ce_id is malformed"):
        from_headers(list(given.items()))


@given(
    name=st.sampled_from([*REQUIRED, *OPTIONAL]),
    value=st.one_of(st.binary(max_size=40), st.text(max_size=40).map(str.encode), st.none()),
    end=st.sampled_from([b"", b"\n", b"x", "\u0661".encode(), b"Z", b"+23:59", b"\nx"]),
    keep=st.booleans(),
)
def test_headers_read_at_once_are_valid(name: str, value: bytes | None, end: bytes, keep: bool) -> None:
    changed: list[tuple[str, Any]] = [
        (each, given if each != name else given + end if keep else value) for each, given in headers()
    ]
    if (attributes := cloudevents._read_at_once(changed)) is not None:
        assert attributes == cloudevents._read_singly(changed)


_names = st.sampled_from([*REQUIRED, *OPTIONAL, "x"])


@given(noise=st.lists(st.tuples(_names, st.binary(max_size=40)), max_size=3), dropped=st.sets(_names, max_size=3))
def test_arbitrary_headers_are_read_or_refused(noise: list[tuple[str, bytes]], dropped: set[str]) -> None:
    try:
        from_headers([header for header in headers() if header[0] not in dropped] + noise)
    except MalformedHeaders as refusal:
        assert refusal.facts["header"] in CHECKED
