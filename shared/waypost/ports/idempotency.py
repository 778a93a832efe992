"""Answers to requests that carried an Idempotency-Key (draft-ietf-httpapi-idempotency-key-header)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from waypost.kernel.errors import Conflict, Invalid, WaypostError
from waypost.ports.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedRequest:
    """One request, as its twins would repeat it; of the one bound tenant."""

    route: str
    """Method and path, ids filled in: `POST /invoices/0197…/finalize`."""
    key: str
    body_hash: bytes
    """A keyed hash: bodies hold what must not be guessed from a table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class TwinRunning(Conflict):
    """A request with the same Idempotency-Key is being carried out; ask again in a moment."""


class KeyReused(Invalid):
    """This Idempotency-Key was used with another body before."""


class KeyTaken(WaypostError):
    """The key was stored by a twin meanwhile: roll back, and read its answer."""


class IdempotencyKeys(Protocol):
    """Part of the unit of work that it is handed: what it keeps is there after the commit and
    nowhere after a rollback.
    """

    async def claim(self, request: KeyedRequest, uow: UnitOfWork) -> Answer | None:
        """The stored answer, or None: then the key is the caller's until the transaction ends.
        Never waits for a twin.

        Raises TwinRunning, and KeyReused where an answer to another body is stored.
        """
        ...

    async def keep(self, request: KeyedRequest, answer: Answer, uow: UnitOfWork, *, at: datetime) -> None:
        """Stores the answer. Raises KeyTaken."""
        ...
