"""The address to which a mail returns if it cannot be delivered: one per mail (VERP), so that a
report can be matched with its notification.

`b+<token>@<domain>`. The token is base32, read without regard to case, because mail servers may
change that: the tenant's id, the notification's id and a keyed digest over both and the mail's
address. So only this service can make a token, which proves to which address the mail was sent.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from services.notifications.domain.proved_address import ascii_domain
from waypost.kernel.ids import TenantId

_PREFIX = "b+"
_ID_BYTES, _DIGEST_BYTES = 16, 6
"""With 48 bits of digest the local part has 63 characters; it may have 64 (RFC 5321, section
4.5.3.1.1).
"""
_BYTES = 2 * _ID_BYTES + _DIGEST_BYTES
_PADDED = 64


class SentMail(NamedTuple):
    tenant_id: TenantId
    notification_id: UUID


class ReturnPaths:
    """Makes and reads return paths of one domain."""

    def __init__(self, domain: str, keys: Sequence[bytes]) -> None:
        """The first key makes tokens; with the others, tokens of an earlier key are read."""
        self._domain = domain.lower()
        self._keys = keys

    def of(self, mail: SentMail, address: str) -> str:
        """The return path of a mail to the address. Raises UnicodeError for an address whose domain
        cannot exist.
        """
        raw = mail.tenant_id.bytes + mail.notification_id.bytes + _digest(self._keys[0], mail, address)
        return f"{_PREFIX}{base64.b32encode(raw).decode().rstrip('=').lower()}@{self._domain}"

    def read(self, path: str, address: str) -> SentMail | None:
        """The mail that was sent to the address with this return path; None if there was none."""
        local_part, _, domain = path.strip().removeprefix("<").removesuffix(">").rpartition("@")
        if domain.lower() != self._domain or not local_part.lower().startswith(_PREFIX):
            return None
        try:
            token = local_part[len(_PREFIX) :].upper()
            raw = base64.b32decode(token.ljust(_PADDED, "="))
            ids, digest = raw[:-_DIGEST_BYTES], raw[-_DIGEST_BYTES:]
            if len(raw) != _BYTES:
                return None
            mail = SentMail(TenantId(UUID(bytes=ids[:_ID_BYTES])), UUID(bytes=ids[_ID_BYTES:]))
            expected = [_digest(key, mail, address) for key in self._keys]
        except ValueError:  # UnicodeError, too
            return None
        return mail if any(hmac.compare_digest(each, digest) for each in expected) else None


def return_path_key(secret: str) -> bytes:
    """The key of return paths from their secret, which this service alone knows."""
    return hashlib.blake2b(secret.encode(), digest_size=32, person=b"return-path").digest()


def delivered_form(address: str) -> str:
    """The address as a mail server compares it. Raises UnicodeError for a domain that cannot
    exist.
    """
    return ascii_domain(address).lower()


def _digest(key: bytes, mail: SentMail, address: str) -> bytes:
    content = mail.tenant_id.bytes + mail.notification_id.bytes + delivered_form(address).encode()
    return hashlib.blake2b(content, key=key, digest_size=_DIGEST_BYTES).digest()
