"""One operation over HTTP: logged, called, logged again. An unknown outcome is retried under the
same key, or left unknown.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.faults.storm.journal import Journal
from tests.faults.storm.operations import Outcome
from tests.faults.storm.traffic import Traffic
from waypost.kernel.ids import new_id

TRIES = 6
LEFT_UNKNOWN = 0.25
"""Share of the unknown outcomes that are never retried."""
PAUSE_SECONDS = (0.2, 3.0)

Answer = Mapping[str, Any]


class Caller:
    def __init__(self, traffic: Traffic, journal: Journal, dice: random.Random) -> None:
        self._traffic = traffic
        self._journal = journal
        self._dice = dice
        self.acknowledged: Counter[str] = Counter()
        """Operations, by name."""

    async def ask(
        self,
        name: str,
        url: str,
        body: Mapping[str, Any] | None,
        *,
        tenant: str | None,
        token: str | None = None,
        keyed: bool = True,
    ) -> Answer | None:
        """Returns the response if the operation was acknowledged; otherwise None."""
        operation, key = str(new_id()), f"storm-{new_id()}" if keyed else None
        facts = {"op": operation, "name": name, "tenant": tenant, "route": f"POST {urlsplit(url).path}", "key": key}
        headers = {"X-Correlation-Id": operation}
        headers |= {"Idempotency-Key": key} if key else {}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        leave = self._dice.random() < LEFT_UNKNOWN
        for number in range(1, TRIES + 1):
            self._journal.write(**facts, **{"try": number})
            outcome, status, answer = await self._once(name, url, body, headers)
            self._journal.write(**facts, **{"try": number}, outcome=outcome, status=status, answer=answer)
            if outcome is Outcome.OK:
                self.acknowledged[name] += 1
                return answer
            if leave or (outcome is Outcome.FAIL and status not in (None, 409)):
                return None
            await asyncio.sleep(self._dice.uniform(*PAUSE_SECONDS))
        return None

    async def look(self, url: str, *, token: str | None = None, **parameters: str) -> Any:
        """Returns the response of a GET, or None if it is not 200. It changes nothing, so it is not
        logged as an operation.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            answer = await self._traffic.send("GET", url, params=parameters, headers=headers)
        except httpx.TransportError:
            return None
        return answer.json() if answer.status_code == httpx.codes.OK else None

    async def sign_in(self, url: str, body: Mapping[str, str]) -> str | None:
        """Returns a token. The operation is not logged, because a log must not contain a password
        or a token.
        """
        try:
            answer = await self._traffic.send("POST", url, "sign_in", json=dict(body))
        except httpx.TransportError:
            return None
        return str(answer.json()["access_token"]) if answer.is_success else None

    async def _once(
        self, name: str, url: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> tuple[Outcome, int | None, Answer | None]:
        try:
            answer = await self._traffic.send("POST", url, name, json=body or {}, headers=dict(headers))
        except httpx.ConnectError:
            return Outcome.FAIL, None, None  # refused before a request was sent
        except httpx.TransportError:
            return Outcome.UNKNOWN, None, None
        if answer.is_success:
            return Outcome.OK, answer.status_code, answer.json() if answer.content else {}
        # A 503 may be the response to a commit whose own response was lost: it proves nothing.
        outcome = Outcome.UNKNOWN if answer.is_server_error else Outcome.FAIL
        return outcome, answer.status_code, answer.json()
