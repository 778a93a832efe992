"""Access tokens of users."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from services.users.domain import User
from services.users.ports import AccessToken
from waypost.web.principal import Principal
from waypost.web.signing_keys import SigningKeyFile
from waypost.web.tokens import ACCESS_SECONDS, KeySource, sign


class SignedAccessTokens:
    """Implements `services.users.ports.AccessTokens`."""

    def __init__(self, keys: SigningKeyFile) -> None:
        self._file = keys
        self.keys: KeySource = keys

    @property
    def published(self) -> Mapping[str, Any]:
        return self._file.published()

    def issue(self, user: User, session_id: UUID, at: datetime) -> AccessToken:
        principal = Principal(user_id=user.id, tenant_id=user.tenant_id, role=user.role, session_id=session_id)
        text = sign(principal.claims(), self._file.signer(), at=at)
        return AccessToken(text=text, expires_in_seconds=ACCESS_SECONDS)
