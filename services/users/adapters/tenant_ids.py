"""Tenant ids derived from idempotency keys, so that a repeated request finds the tenant of the
first one.
"""

import hashlib
from uuid import UUID

from waypost.kernel.ids import TenantId


class KeyedTenantIds:
    """Implements `services.users.ports.TenantIds`. UUIDv8 (RFC 9562): 122 bits of a keyed BLAKE2b
    hash of the idempotency key and the address.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def derived(self, idempotency_key: str, email: str) -> TenantId:
        named = f"{idempotency_key}\n{email}".encode()  # a key contains no line break
        digest = hashlib.blake2b(named, key=self._key, person=b"tenant", digest_size=16).digest()
        bits = int.from_bytes(digest, "big")
        bits = bits & ~(0xF << 76) | (0x8 << 76)
        bits = bits & ~(0x3 << 62) | (0x2 << 62)
        return TenantId(UUID(int=bits))
