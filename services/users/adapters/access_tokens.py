"""Access tokens of users."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from joserfc.jwk import OKPKey

from services.users.domain import User
from services.users.ports import AccessToken
from waypost.web.keys import LocalKeys
from waypost.web.principal import Principal
from waypost.web.tokens import ACCESS_SECONDS, KeySource, sign


class SignedAccessTokens:
    """Implements `services.users.ports.AccessTokens`."""

    def __init__(self, key: OKPKey) -> None:
        self._key = key
        self.keys: KeySource = LocalKeys(key)
        self.published: Mapping[str, Any] = {"keys": [_public(key)]}

    def issue(self, user: User, session_id: UUID, at: datetime) -> AccessToken:
        principal = Principal(user_id=user.id, tenant_id=user.tenant_id, role=user.role, session_id=session_id)
        return AccessToken(text=sign(principal.claims(), self._key, at=at), expires_in_seconds=ACCESS_SECONDS)


def _public(key: OKPKey) -> Mapping[str, Any]:
    return {**key.as_dict(private=False), "alg": "EdDSA", "use": "sig"}
