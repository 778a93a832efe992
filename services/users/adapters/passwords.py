"""Password hashing with argon2id (RFC 9106) in a few threads beside the event loop."""

import asyncio
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.users.adapters.fair_slots import FairSlots
from services.users.ports import SHARED, Share

# OWASP's second option: as strong as the first, with the least memory. Memory bounds what attackers
# can make this process allocate.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class Argon2Passwords:
    """Implements `services.users.ports.Passwords`. The threads release the GIL while they hash."""

    def __init__(self, *, threads: int, queue: int) -> None:
        self._slots = FairSlots(slots=threads, queue=queue)
        self._placeholder_hash = _HASHER.hash("placeholder for accounts that do not exist")

    async def hash(self, password: str, share: Share = SHARED) -> str:
        async with self._slots.slot(share):
            return await asyncio.to_thread(_HASHER.hash, _normalized(password))

    async def matches(self, password: str, password_hash: str | None, share: Share = SHARED) -> bool:
        async with self._slots.slot(share):
            is_match = await asyncio.to_thread(_matches, password_hash or self._placeholder_hash, _normalized(password))
        return is_match and password_hash is not None


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _normalized(password: str) -> str:
    """Normalizes to NFKC, so that all keyboards give the same characters (NIST SP 800-63B, section
    3.1.1.2).
    """
    return unicodedata.normalize("NFKC", password)
