"""The token of a write: names the events that one request has stored, so that a read in any service
can wait until that service has handled them.

A token is not secret and grants nothing. It contains ids of events, and a checksum over them and
their tenant, which detects a damaged token and one of another tenant.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import NamedTuple
from uuid import UUID

from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import Invalid
from waypost.kernel.event import Event
from waypost.kernel.ids import EventId, TenantId

MAX_EVENTS = 32
"""The most events of a token, and of all tokens of one request."""
MAX_LENGTH = 4_096
"""The most characters of all tokens of one request."""

_VERSION = 1
_ID_BYTES, _TYPE_BYTES, _CHECKSUM_BYTES = 16, 4, 6
_ENTRY_BYTES = _ID_BYTES + _TYPE_BYTES


class MalformedWriteToken(Invalid):
    """Write-Token must be a token from a response to this tenant, or several with commas
    between.
    """


class WrittenEvent(NamedTuple):
    event_id: EventId
    type_digest: bytes
    """`digest_of_type` of the event's type. Services of different releases know different types."""


@cache
def digest_of_type(event_type: str) -> bytes:
    return hashlib.blake2b(event_type.encode(), digest_size=_TYPE_BYTES).digest()


def token_of(stored: Iterable[Envelope[Event]], tenant_id: TenantId) -> str | None:
    """The token of a tenant's stored events, URL-safe base64. None without events, and for a write
    of too many.

    Of several events of one type and one aggregate it names the last: a consumer handles the events
    of an aggregate in order. Events without a version, such as those of keys, are not named.
    """
    last = {
        (envelope.aggregate_id, envelope.event.type): envelope.event_id
        for envelope in stored
        if envelope.aggregate_version and envelope.tenant_id == tenant_id
    }
    if not 0 < len(last) <= MAX_EVENTS:
        return None
    body = bytes((_VERSION,)) + b"".join(
        event_id.bytes + digest_of_type(event_type) for (_, event_type), event_id in last.items()
    )
    return base64.urlsafe_b64encode(body + _checksum(body, tenant_id)).decode().rstrip("=")


def read_tokens(texts: Sequence[str], tenant_id: TenantId) -> Sequence[WrittenEvent] | None:
    """The events of the tokens in header fields. None if a newer release made one of them. Raises
    MalformedWriteToken.
    """
    if sum(map(len, texts)) > MAX_LENGTH:
        raise MalformedWriteToken(
            f"the fields Write-Token have more than {MAX_LENGTH} characters: send the newest tokens"
        )
    tokens = [part.strip() for part in ",".join(texts).split(",")]
    read = [_read(token, tenant_id) for token in tokens if token]
    if None in read:
        return None
    events: Mapping[EventId, WrittenEvent] = {
        event.event_id: event for event in chain.from_iterable(each for each in read if each is not None)
    }
    if len(events) > MAX_EVENTS:
        raise MalformedWriteToken(f"the tokens name more than {MAX_EVENTS} events: send the newest tokens")
    return list(events.values())


def _read(token: str, tenant_id: TenantId) -> Sequence[WrittenEvent] | None:
    raw = _decoded(token)
    if not raw:
        raise MalformedWriteToken
    if raw[0] > _VERSION:
        return None
    body, checksum = raw[:-_CHECKSUM_BYTES], raw[-_CHECKSUM_BYTES:]
    entries = body[1:]
    if raw[0] != _VERSION or len(entries) % _ENTRY_BYTES or checksum != _checksum(body, tenant_id):
        raise MalformedWriteToken
    return [_entry(entries[at : at + _ENTRY_BYTES]) for at in range(0, len(entries), _ENTRY_BYTES)]


def _decoded(token: str) -> bytes:
    try:
        return base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise MalformedWriteToken from error


def _entry(raw: bytes) -> WrittenEvent:
    return WrittenEvent(EventId(UUID(bytes=raw[:_ID_BYTES])), raw[_ID_BYTES:])


def _checksum(body: bytes, tenant_id: TenantId) -> bytes:
    return hashlib.blake2b(body, key=tenant_id.bytes, digest_size=_CHECKSUM_BYTES).digest()
