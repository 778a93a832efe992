"""Creates one-time tokens, and seals each for the service that mails it."""

import secrets
from datetime import datetime

from nacl.public import PublicKey, SealedBox

from services.users.domain import OpaqueToken, SealedToken
from services.users.domain.tokens import SECRET_BYTES
from waypost.kernel.ids import TenantId


def fresh_token(tenant_id: TenantId) -> OpaqueToken:
    return OpaqueToken.of(tenant_id, secrets.token_bytes(SECRET_BYTES))


def unusable_password() -> str:
    """A random password that is not stored."""
    return secrets.token_urlsafe(SECRET_BYTES)


class SealedBoxSealer:
    """Implements `services.users.ports.TokenSealer` with NaCl's sealed boxes: this service cannot
    open the tokens again.
    """

    def __init__(self, key_id: str, key: PublicKey) -> None:
        self._key_id = key_id
        self._box = SealedBox(key)

    def seal(self, token: OpaqueToken, expires_at: datetime) -> SealedToken:
        return SealedToken(
            digest=token.digest,
            sealing_key_id=self._key_id,
            sealed=self._box.encrypt(token.text.encode()),
            expires_at=expires_at,
        )
