"""Stored responses to requests with an Idempotency-Key
(draft-ietf-httpapi-idempotency-key-header).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from waypost.kernel.errors import Conflict, Invalid, WaypostError
from waypost.ports.unit_of_work import Precondition, UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedRequest:
    """A request as its repetitions identify it; belongs to the one bound tenant."""

    route: str
    """Method and path with ids: `POST /invoices/0197…/finalize`."""
    key: str
    body_hash: bytes
    """A keyed hash (HMAC), because bodies hold data that must not be guessed from a table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResponse:
    """A stored HTTP response."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class RequestInProgress(Conflict):
    """A request with the same Idempotency-Key is running; repeat this one in a moment."""


class KeyReused(Invalid):
    """This Idempotency-Key was used with another body."""


class KeyTaken(WaypostError):
    """A concurrent duplicate stored the key meanwhile: roll back, and read its response."""


class IdempotencyKeys(Protocol):
    """Stores the response to each request with a key, and finds it for a repeated request. Part of
    the given unit of work: writes are visible after the commit, and undone by a rollback.
    """

    def claim_precondition(self, request: KeyedRequest) -> Precondition:
        """The precondition that reserves the key as `claim` does. It passes only if there is no
        stored response and no running duplicate. For the bound tenant.
        """
        ...

    async def claim(self, request: KeyedRequest, uow: UnitOfWork) -> StoredResponse | None:
        """The stored response, or None; the key is then reserved until the transaction ends. Never
        waits for a concurrent duplicate.

        Raises RequestInProgress for a duplicate, and KeyReused if the stored response belongs to
        another body.
        """
        ...

    async def keep(self, request: KeyedRequest, response: StoredResponse, uow: UnitOfWork, *, at: datetime) -> None:
        """Stores the response with the commit, which raises KeyTaken if a concurrent duplicate
        stored it first.
        """
        ...
