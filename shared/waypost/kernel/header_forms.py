"""The forms of header values: one by one, and as one regular expression for all headers of a
record, which is the fast way to read the records of our own producers.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID

from waypost.kernel.uuid_text import uuid_of

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

_LINES = {
    "content-type": re.escape(CONTENT_TYPE),
    "ce_specversion": re.escape("1.0"),
    ID: _UUID_FORM.pattern,
    "ce_type": _TYPE_FORM.pattern,
    "ce_source": SOURCE_FORM.pattern,
    "ce_tenantid": _UUID_FORM.pattern,
    "ce_subject": _UUID_FORM.pattern,
    SEQUENCE: SEQUENCE_FORM.pattern,
    "ce_time": _TIME_FORM.pattern,
    "ce_correlationid": _UUID_FORM.pattern,
    "ce_causationid": _UUID_FORM.pattern,
    "traceparent": TRACEPARENT_FORM.pattern,
    "tracestate": r"[^\n]*",
    "ce_actorid": _UUID_FORM.pattern,
}
_CONSTANT = ("content-type", "ce_specversion")
_READ = tuple(name for name in _LINES if name not in _CONSTANT)
_OPTIONAL = frozenset((SEQUENCE, "ce_actorid", *TRACE))


def values_of(headers: Sequence[tuple[str, bytes]]) -> tuple[str, ...] | None:
    """The values of `_READ` in its order: `ce_id`, `ce_type`, `ce_source` and so on; None for an
    absent optional one.

    Returns None if a header is missing, malformed, repeated or not of the contract.
    """
    if not headers:
        return None
    names, values = zip(*headers, strict=True)
    pattern = _pattern(names)
    try:
        match = pattern and pattern.fullmatch(b"\n".join(values).decode())
    except (UnicodeDecodeError, TypeError):  # a header's value may be null in Kafka
        return None
    return match.group(*_READ) if match else None


@lru_cache(maxsize=64)
def _pattern(names: tuple[str, ...]) -> re.Pattern[str] | None:
    """Matches the values, one per line: no form allows a line break. None unless `names` are those
    of the contract, each once.
    """
    present = frozenset(names)
    if len(present) < len(names) or present | _OPTIONAL != _LINES.keys():
        return None
    lines = "\n".join(f"(?P<{name.replace('-', '_')}>{_LINES[name]})" for name in names)
    absent = "".join(f"(?P<{name}>(?!))?" for name in _OPTIONAL - present)
    return re.compile(lines + absent)


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


def read_traceparent(text: str) -> str:
    return _match(TRACEPARENT_FORM, text)


def read_source(text: str) -> str:
    return _match(SOURCE_FORM, text)


def _match(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(text)
    return text
