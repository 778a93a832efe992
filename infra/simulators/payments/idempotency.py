"""Idempotency keys: compared, stored with their response, deleted after their lifetime."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from sqlite3 import Connection
from typing import Any

from infra.simulators.payments.errors import key_in_use, key_reused


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResponse:
    status: int
    body: dict[str, Any]
    replayed: bool = False


class Flights:
    """Keys whose first request still runs. In memory by design: a killed process has no requests in
    flight.
    """

    def __init__(self) -> None:
        self._keys: set[str] = set()

    @contextmanager
    def hold(self, key: str) -> Iterator[None]:
        """Raises `ProviderError` 409 while another request holds the key."""
        if key in self._keys:
            raise key_in_use(key)
        self._keys.add(key)
        try:
            yield
        finally:
            self._keys.discard(key)


def recall(connection: Connection, key: str, fingerprint: str, forget_before: str) -> StoredResponse | None:
    """The stored response of this key, if any; raises `ProviderError` 400 when it belongs to
    another request.
    """
    connection.execute("delete from idempotency_keys where created_at < ?", (forget_before,))
    row = connection.execute("select * from idempotency_keys where key = ?", (key,)).fetchone()
    if row is None:
        return None
    if row["fingerprint"] != fingerprint:
        raise key_reused(key)
    return StoredResponse(status=row["status"], body=json.loads(row["body"]), replayed=True)


def remember(connection: Connection, key: str, fingerprint: str, response: StoredResponse, created_at: str) -> None:
    """Call it in the transaction that records the charge or refund, so that both commit
    together.
    """
    connection.execute(
        "insert into idempotency_keys (key, fingerprint, status, body, created_at) values (?, ?, ?, ?, ?)",
        (key, fingerprint, response.status, json.dumps(response.body), created_at),
    )
