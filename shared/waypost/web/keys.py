"""Public keys that verify tokens: the service's own, or the keys that the users service publishes
(JWKS, RFC 7517).
"""

import asyncio
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from waypost.kernel.errors import Unauthenticated, Unavailable

log = structlog.get_logger()

FETCH_TIMEOUT_SECONDS = 5.0
FRESH_SECONDS = 600.0
PAUSE_SECONDS = 5.0
"""Minimum time between two fetches, so that tokens with invented key ids cause no load on the users
service.
"""


class LocalKeys:
    """`KeySource` of the service that signs."""

    def __init__(self, *keys: OKPKey) -> None:
        self._keys = {key.kid: key for key in keys}

    async def find(self, key_id: str) -> OKPKey:
        return _known(self._keys, key_id)


class PublishedKeys:
    """`KeySource` over HTTP. Fetched keys stay valid while the issuer does not answer, so that its
    outage stops no requests.
    """

    def __init__(self, url: str, client: httpx.AsyncClient) -> None:
        self._url = url
        self._client = client
        self._keys: Mapping[str | None, OKPKey] = {}
        self._fetched_at: float | None = None
        self._asked_at: float | None = None
        self._failed = False
        self._fetching = asyncio.Lock()

    async def find(self, key_id: str) -> OKPKey:
        if key_id not in self._keys:
            await self._refresh(unless_known=key_id)
        elif self._age(self._fetched_at) > FRESH_SECONDS and not self._fetching.locked():
            await self._refresh()
        if key_id not in self._keys and self._failed:
            raise Unavailable("the key of the token cannot be fetched at the moment", timedelta(seconds=PAUSE_SECONDS))
        return _known(self._keys, key_id)

    async def _refresh(self, *, unless_known: str | None = None) -> None:
        async with self._fetching:  # a request that waited here uses the keys of the previous fetch
            if unless_known in self._keys or self._age(self._asked_at) < PAUSE_SECONDS:
                return
            self._asked_at = time.monotonic()
            try:
                self._keys = await self._fetch()
            except (httpx.HTTPError, TimeoutError, JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
                self._failed = True
                log.warning("jwks_fetch_failed", url=self._url, error_class=type(error).__name__, known=len(self._keys))
            else:
                self._failed = False
                self._fetched_at = time.monotonic()

    async def _fetch(self) -> Mapping[str | None, OKPKey]:
        # httpx limits each read: a response in small pieces would keep all requests waiting.
        async with asyncio.timeout(FETCH_TIMEOUT_SECONDS):
            answer = await self._client.get(self._url)
        answer.raise_for_status()
        keys = [OKPKey.import_key(key) for key in answer.json()["keys"] if _signs(key)]
        return {key.kid: key for key in keys}

    @staticmethod
    def _age(moment: float | None) -> float:
        return float("inf") if moment is None else time.monotonic() - moment


def _signs(key: Mapping[str, Any]) -> bool:
    return key.get("kty") == "OKP" and key.get("crv") == "Ed25519" and bool(key.get("kid")) and key.get("use") == "sig"


def _known(keys: Mapping[str | None, OKPKey], key_id: str) -> OKPKey:
    try:
        return keys[key_id]
    except KeyError:
        raise Unauthenticated("the token is signed with an unknown key") from None
