"""Maps dead letters to rows of `dead_letters` and back."""

import base64
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import asyncpg

from waypost.kernel.cloudevents import header_name
from waypost.kernel.envelope import Record
from waypost.kernel.ids import EventId, TenantId
from waypost.kernel.text import storable
from waypost.ports.dead_letters import (
    OPEN,
    VERSION_CONFLICT,
    DeadLetter,
    DeadLetterNotStorable,
    DeadLetterStatus,
    Failure,
)

FAILURE_COLUMNS = ("error_class", "error", "fingerprint", "retryable", "awaits_topic", "location", "traceback")
_FIELDS = {"awaits_topic": "uses_no_attempt"}
"""Fields of `Failure` whose column has another name."""

COLUMNS = (
    "id, event_id, tenant_id, type, topic, partition, kafka_offset, key, sequence, headers::text as headers, payload,"
    f" status, attempts, unfinished, redrives, next_attempt_at, {', '.join(FAILURE_COLUMNS)}"
)

IN_KEY_ORDER = f"(type is not null and error_class is distinct from '{VERSION_CONFLICT}')"
"""Condition for dead letters that are redriven in the order of their key. The others contain no
event to handle, or a conflicting version.
"""

IS_OPEN = f"status in {tuple(status.value for status in OPEN)}"
"""Condition of open dead letters. It must equal the predicate of the partial index
`dead_letters_open`.
"""


def to_row(dead_letter: DeadLetter) -> tuple[object, ...]:
    record, failure = dead_letter.record, dead_letter.failure
    return (
        dead_letter.id,
        dead_letter.event_id,
        dead_letter.tenant_id,
        dead_letter.type,
        record.topic,
        record.partition,
        record.offset,
        dead_letter.key,
        dead_letter.sequence,
        _headers_to_json(record),
        record.value,
        dead_letter.status,
        dead_letter.attempts,
        dead_letter.next_attempt_at,
        *failure_columns(failure),
    )


def failure_columns(failure: Failure | None) -> tuple[str | bool | None, ...]:
    """The values of `FAILURE_COLUMNS`. Replaces characters that a text column cannot hold."""
    if failure is None:
        return (None,) * len(FAILURE_COLUMNS)
    return (
        storable(failure.error_class),
        storable(failure.error),
        failure.fingerprint,
        failure.retryable,
        failure.uses_no_attempt,
        failure.location and storable(failure.location),
        failure.traceback and storable(failure.traceback),
    )


def from_row(row: asyncpg.Record) -> DeadLetter:
    failure = (
        Failure(**{_FIELDS.get(name, name): row[name] for name in FAILURE_COLUMNS}) if row["error_class"] else None
    )
    return DeadLetter(
        id=row["id"],
        record=_record(row),
        key=row["key"],
        event_id=EventId(row["event_id"]),
        tenant_id=row["tenant_id"] and TenantId(row["tenant_id"]),
        type=row["type"],
        sequence=row["sequence"],
        status=DeadLetterStatus(row["status"]),
        attempts=row["attempts"],
        unfinished=row["unfinished"],
        redrives=row["redrives"],
        next_attempt_at=row["next_attempt_at"],
        failure=failure,
    )


def _record(row: asyncpg.Record) -> Record:
    stored: dict[str, Any] = json.loads(row["headers"])
    return Record(
        topic=row["topic"],
        partition=row["partition"],
        offset=row["kafka_offset"],
        timestamp_ms=stored["timestamp_ms"],
        key=_bytes(stored["key"]),
        value=row["payload"],
        headers=[(_bytes(name).decode(errors="surrogateescape"), _bytes(value)) for name, value in stored["headers"]],
    )


def _headers_to_json(record: Record) -> str:
    headers: Sequence[tuple[object, object]] = [
        (_text(header_name(name)), _text(value)) for name, value in record.headers
    ]
    return json.dumps({"key": _text(record.key), "timestamp_ms": record.timestamp_ms, "headers": headers})


def _text(value: bytes | None) -> str | dict[str, str] | None:
    """Text if possible. Bytes that are not UTF-8, and NUL characters, which jsonb cannot store,
    become base64. A header value in Kafka may be null.
    """
    if value is None:
        return None
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = "\0"
    return {"base64": base64.b64encode(value).decode()} if "\0" in text else text


def _bytes(stored: Any) -> Any:
    """The inverse of `_text`."""
    match stored:
        case None:
            return None
        case str():
            return stored.encode()
        case _:
            return base64.b64decode(stored["base64"])


@contextmanager
def as_not_storable() -> Iterator[None]:
    """Turns errors about the content into DeadLetterNotStorable: class 22, data exception, also of
    the driver's encoder, and class 54, program limit exceeded (PostgreSQL, appendix A).
    """
    try:
        yield
    except (asyncpg.DataError, asyncpg.ProgramLimitExceededError) as error:
        raise DeadLetterNotStorable(f"{type(error).__name__}: {error}") from error
