"""Identifiers: UUIDv7 (RFC 9562), so that keys of one table grow in time order."""

import hashlib
import os
import time
from datetime import UTC, datetime
from typing import NewType
from uuid import UUID

TenantId = NewType("TenantId", UUID)
EventId = NewType("EventId", UUID)
JobId = NewType("JobId", UUID)


def new_id() -> UUID:
    """A new UUIDv7: 48 bits of Unix milliseconds, 74 random bits. Called by the API layer and by
    workers; the domain receives its ids.
    """
    return _uuid7(time.time_ns() // 1_000_000, os.urandom(10))


def derived_id(of: UUID, at: datetime) -> UUID:
    """A UUIDv7 of that time, deterministic for the two arguments: for an object that exists once,
    wherever it is created.
    """
    digest = hashlib.blake2b(of.bytes + at.astimezone(UTC).isoformat().encode(), digest_size=10).digest()
    return _uuid7(int(at.timestamp() * 1000), digest)


def _uuid7(milliseconds: int, random_bytes: bytes) -> UUID:
    random = int.from_bytes(random_bytes, "big")
    high = (milliseconds << 16) | 0x7000 | (random >> 68)
    low = (0b10 << 62) | (random & ((1 << 62) - 1))
    return UUID(int=(high << 64) | low)
