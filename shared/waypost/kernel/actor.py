"""The user who requested the running work, as stated by the access token. Bound by the API layer;
other work has no actor.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from waypost.kernel.errors import Unauthenticated
from waypost.kernel.ids import TenantId
from waypost.kernel.role import Role


class TokenRevoked(Unauthenticated):
    """The token is no longer valid: its session has ended, or its user has fewer rights now.
    Refresh it, or sign in again.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """An authenticated user."""

    user_id: UUID
    tenant_id: TenantId
    role: Role
    """The role in the token; the user's current role may differ."""
    session_id: UUID | None
    """The sign-in that the token belongs to."""
    issued_at: datetime
    """Issue time in whole seconds, as in JWTs."""


_bound: ContextVar[Actor | None] = ContextVar("waypost_actor", default=None)


@contextmanager
def bound_actor(actor: Actor | None) -> Iterator[None]:
    """Binds the actor for everything that runs inside the block. None: there is no actor."""
    token = _bound.set(actor)
    try:
        yield
    finally:
        _bound.reset(token)


def bind_actor(actor: Actor) -> None:
    """Binds the actor until the enclosing `bound_actor` block ends."""
    _bound.set(actor)


def current_actor() -> Actor | None:
    """The bound actor; None for a job, a consumer, or a request without a token."""
    return _bound.get()
