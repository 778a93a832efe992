"""Access tokens of people and of operators."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from joserfc.jwk import OKPKey

from services.users.domain import User
from services.users.ports import AccessToken
from shared.web.auth import OPERATOR_SCOPE, Principal
from shared.web.keys import LocalKeys
from shared.web.tokens import ACCESS_SECONDS, KeySource, sign


class SignedAccessTokens:
    """`services.users.ports.AccessTokens`."""

    def __init__(self, key: OKPKey) -> None:
        self._key = key
        self.keys: KeySource = LocalKeys(key)
        self.published: Mapping[str, Any] = {"keys": [_public(key)]}

    def issue(self, user: User, at: datetime) -> AccessToken:
        principal = Principal(user_id=user.id, tenant_id=user.tenant_id, role=user.role)
        return AccessToken(text=sign(principal.claims(), self._key, at=at), expires_in_seconds=ACCESS_SECONDS)


def operator_token(key: OKPKey, name: str, at: datetime, lifetime: timedelta) -> str:
    """For somebody who runs the system: opens the operator routes of all services, and no tenant's data. `name` is for the audit."""
    return sign({"sub": name, "scope": OPERATOR_SCOPE}, key, at=at, lifetime=lifetime)


def _public(key: OKPKey) -> Mapping[str, Any]:
    return {**key.as_dict(private=False), "alg": "EdDSA", "use": "sig"}
