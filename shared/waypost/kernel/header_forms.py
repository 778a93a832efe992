"""The forms of header values: of texts, one by one, and of bytes, which is the fast way to read the
records of our own producers.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from uuid import UUID

from waypost.kernel.uuid_text import uuid_of, uuid_of_canonical

CONTENT_TYPE = "application/avro"
ID = "ce_id"
SEQUENCE = "ce_sequence"
TRACE = ("traceparent", "tracestate")
# A repeated group would take a third more time.
_UUID_FORM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)")
_TYPE_FORM = re.compile(r"[!-~]+")
SEQUENCE_FORM = re.compile(r"[1-9][0-9]{0,17}")  # the range of a bigint
SOURCE_FORM = re.compile(r"/services/[a-z_]+")
TRACEPARENT_FORM = re.compile(r"[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

# Faster than regular expressions: see decision 0049.
_HEX = bytes.maketrans(b"123456789abcdef", b"0" * 15)
_DIGITS = bytes.maketrans(b"123456789", b"0" * 9)
_MASKED_UUID = b"00000000-0000-0000-0000-000000000000"
_MASKED_UTC = b"0000-00-00T00:00:00.000000Z"
_MASKED_TRACEPARENT = b"00-00000000000000000000000000000000-0000000000000000-00"
_TRACEPARENT_LENGTH, TRACESTATE_LENGTH = len(_MASKED_TRACEPARENT), 512
_NO_TRACE_ID, _NO_SPAN_ID = b"-%b-" % (b"0" * 32), b"-%b-" % (b"0" * 16)
KEPT_TEXTS, KEPT_BYTES = 1_000, 200
"""Types and sources are kept after their check, if they are short: a consumer reads few of them."""


def uuids_of(values: Sequence[bytes]) -> Iterable[UUID]:
    """The UUIDs, checked together: no value contains a line break if all lines have the form of a
    UUID. Raises ValueError.
    """
    lines = b"\n".join(values)
    if lines.translate(_HEX) != _masked_uuids(len(values)):
        raise ValueError("not UUIDs in lower case")
    return map(uuid_of_canonical, lines.decode().split("\n"))


@cache
def _masked_uuids(count: int) -> bytes:
    return _lines_of(_MASKED_UUID, count)


def _lines_of(mask: bytes, count: int) -> bytes:
    return b"\n".join([mask] * count)


def are_uuids(values: Sequence[bytes]) -> bool:
    """Whether all values have the form of a UUID in lower case."""
    return b"\n".join(values).translate(_HEX) == _lines_of(_MASKED_UUID, len(values))


def utc_of(value: bytes) -> datetime:
    """A time as our producers write it: in UTC, with microseconds. Raises ValueError for others."""
    if value.translate(_DIGITS) != _MASKED_UTC:
        raise ValueError("not a time in UTC with microseconds")
    return datetime.fromisoformat(value.decode())


def utcs_of(values: Sequence[bytes]) -> Iterable[datetime]:
    """As `utc_of`, of many values. Raises ValueError."""
    lines = b"\n".join(values)
    if lines.translate(_DIGITS) != _lines_of(_MASKED_UTC, len(values)):
        raise ValueError("not times in UTC with microseconds")
    return map(datetime.fromisoformat, lines.decode().split("\n"))


def sequence_of(value: bytes) -> int:
    """Raises ValueError."""
    if not value.isdigit() or value[0] == ord("0") or len(value) > 18:
        raise ValueError("not a sequence")
    return int(value)


def sequences_of(values: Sequence[bytes]) -> Iterable[int]:
    """As `sequence_of`, of many values. Raises ValueError."""
    if not b"".join(values).isdigit() or b"\n0" in b"\n".join((b"", *values)) or max(map(len, values)) > 18:
        raise ValueError("not sequences")
    return map(int, values)


def traceparent_of(value: bytes) -> str:
    """Raises ValueError."""
    if not value.startswith(b"00-") or value.translate(_HEX) != _MASKED_TRACEPARENT:
        raise ValueError("not a traceparent of version 00")
    if _NO_TRACE_ID in value or _NO_SPAN_ID in value:
        raise ValueError("not a traceparent")
    return value.decode()


def traceparents_of(values: Sequence[bytes]) -> Iterable[str]:
    """As `traceparent_of`, of many values. Raises ValueError."""
    lines = b"\n".join(values)
    if lines.translate(_HEX) != _lines_of(_MASKED_TRACEPARENT, len(values)):
        raise ValueError("not traceparents")
    if lines.count(b"\n00-") != len(values) - 1 or not lines.startswith(b"00-"):
        raise ValueError("not traceparents of version 00")
    if _NO_TRACE_ID in lines or _NO_SPAN_ID in lines:
        raise ValueError("not traceparents")
    return lines.decode().split("\n")


def tracestate_of(value: bytes) -> str:
    """Raises ValueError."""
    if not is_tracestate(text := value.decode()):
        raise ValueError("not a tracestate")
    return text


@lru_cache(maxsize=KEPT_TEXTS)
def type_of(value: bytes) -> str:
    """Raises ValueError."""
    return read_type(_short(value))


@lru_cache(maxsize=KEPT_TEXTS)
def source_of(value: bytes) -> str:
    """Raises ValueError."""
    return read_source(_short(value))


def _short(value: bytes) -> str:
    if len(value) > KEPT_BYTES:
        raise ValueError("too long to be kept")
    return value.decode()


def read_uuid(text: str) -> UUID:
    # UUID() alone accepts braces, a urn and upper case: two texts of one id would be two keys in
    # other places.
    _match(_UUID_FORM, text)
    return uuid_of(text)


def read_time(text: str) -> datetime:
    _match(_TIME_FORM, text)
    return datetime.fromisoformat(text).astimezone(UTC)


def read_type(text: str) -> str:
    return _match(_TYPE_FORM, text)


def read_sequence(text: str) -> int:
    _match(SEQUENCE_FORM, text)
    return int(text)


def read_trace(traceparent: str | None, tracestate: str | None) -> tuple[str | None, str | None]:
    """The trace context, with a traceparent of version 00; (None, None) if the traceparent is
    missing or not valid.

    A trace is not part of the event, so one that is not valid is ignored. Of a later version only
    the known fields are read (W3C Trace Context, 3.2.2 and 4.3).
    """
    fields, later = (traceparent or "")[:_TRACEPARENT_LENGTH], (traceparent or "")[_TRACEPARENT_LENGTH:]
    if not TRACEPARENT_FORM.fullmatch(fields) or fields.startswith("ff"):
        return None, None
    if later and (fields.startswith("00") or not later.startswith("-")):
        return None, None
    return f"00{fields[2:]}", tracestate if is_tracestate(tracestate or "") else None


def is_tracestate(text: str) -> bool:
    """Whether a tracestate can be passed on: 1 to 512 printable ASCII characters (W3C Trace
    Context, 3.3.1). Other characters could not be stored or sent in a header.
    """
    return 0 < len(text) <= TRACESTATE_LENGTH and text.isascii() and text.isprintable()


def read_source(text: str) -> str:
    return _match(SOURCE_FORM, text)


def _match(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(text)
    return text
