"""Access tokens: JSON Web Tokens signed with Ed25519, `alg` EdDSA (RFC 8037), `typ` at+jwt (RFC
9068).
"""

import copy
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Protocol

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry, extract_compact

from waypost.kernel.clock import Clock
from waypost.kernel.errors import Unauthenticated
from waypost.kernel.ids import new_id
from waypost.project import project

ACCESS_SECONDS = 600
SKEW_SECONDS = 5
MAX_TOKEN_CHARACTERS = 4096
REMEMBERED_TOKENS = 1024
"""Tokens of which a process remembers the proven claims: a client sends its token with each
request. Key and times are checked each time.
"""

_ALGORITHM = "EdDSA"
_TYPE = "at+jwt"


class _OnlyEdDSA(JWSRegistry):
    """A registry with EdDSA only, so that a token's header cannot choose another algorithm.

    RFC 9864 prefers the name `Ed25519`, and joserfc warns about `EdDSA`, which more verifiers
    support. `waypost.web.keys` accepts only Ed25519 keys.
    """

    algorithms = {_ALGORITHM: copy.copy(JWSRegistry.algorithms[_ALGORITHM])}  # noqa: RUF012 - shadows the base's


_OnlyEdDSA.algorithms[_ALGORITHM].security_warning = None
_REGISTRY = _OnlyEdDSA(algorithms=[_ALGORITHM])


class KeySource(Protocol):
    async def find(self, key_id: str) -> OKPKey:
        """The public key with this id. Raises Unauthenticated if the issuer has no such key,
        Unavailable if the issuer does not answer.
        """
        ...


KeysOf = Callable[[Any], KeySource]
"""Returns the source of the token keys, given the opened resources."""


def sign(
    claims: Mapping[str, Any], key: OKPKey, *, at: datetime, lifetime: timedelta = timedelta(seconds=ACCESS_SECONDS)
) -> str:
    """Signs a token. Adds `iss`, `aud`, `iat`, `nbf`, `exp` and `jti` to `claims`, which must
    contain `sub`. `key` is a private key with a `kid`.
    """
    issued = int(at.timestamp())
    registered = {
        "iss": project().token_issuer,
        "aud": project().token_audience,
        "iat": issued,
        "nbf": issued,
        "jti": str(new_id()),
    }
    expires = {"exp": issued + int(lifetime.total_seconds())}
    header = {"alg": _ALGORITHM, "kid": key.kid, "typ": _TYPE}
    return jwt.encode(header, {**claims, **registered, **expires}, key, registry=_REGISTRY)


class TokenVerifier:
    """Verifies tokens locally. Asks the key source only for an unknown key."""

    def __init__(self, keys: KeySource, clock: Clock) -> None:
        self._keys = keys
        self._proven: dict[str, tuple[OKPKey, Mapping[str, Any]]] = {}
        self._clock = clock
        self._claims = jwt.JWTClaimsRegistry(
            now=self._now,
            leeway=SKEW_SECONDS,
            iss={"essential": True, "value": project().token_issuer},
            aud={"essential": True, "value": project().token_audience},
            sub={"essential": True},
            exp={"essential": True},
            nbf={"essential": True},
        )

    def _now(self) -> int:
        return int(self._clock.now().timestamp())

    async def verify(self, token: str) -> Mapping[str, Any]:
        """The claims of a valid token. Raises Unauthenticated for any other, Unavailable if its key
        cannot be fetched.
        """
        key = await self._keys.find(_key_id(token))
        try:
            claims = self._proven_claims(token, key)
        except (JoseError, ValueError) as error:
            raise Unauthenticated("the token is invalid or expired") from error
        now = self._now()
        if not claims["nbf"] - SKEW_SECONDS <= now < claims["exp"] + SKEW_SECONDS:
            raise Unauthenticated("the token is invalid or expired")
        return claims

    def _proven_claims(self, token: str, key: OKPKey) -> Mapping[str, Any]:
        """The claims. Verifies signature, issuer, audience and times once per token and key; the
        times change their verdict later. Raises JoseError, ValueError.
        """
        proven = self._proven.get(token)
        if proven is None or proven[0] is not key:
            claims = jwt.decode(token, key, registry=_REGISTRY).claims
            self._claims.validate(claims)
            proven = self._proven[token] = (key, MappingProxyType(claims))
            if len(self._proven) > REMEMBERED_TOKENS:
                del self._proven[next(iter(self._proven))]  # the oldest
        return proven[1]


@lru_cache(REMEMBERED_TOKENS)
def _key_id(token: str) -> str:
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise Unauthenticated("the token is too long")
    try:
        header = dict(extract_compact(token.encode()).headers())  # may be a text or a list
    except (JoseError, ValueError, TypeError) as error:
        raise Unauthenticated("the token is malformed") from error
    key_id = header.get("kid")
    if header.get("alg") != _ALGORITHM or header.get("typ") != _TYPE or not isinstance(key_id, str):
        raise Unauthenticated("the token is not an access token of this application")
    return key_id
