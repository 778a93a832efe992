"""Who asks for the running work, as their access token says. Bound by the edge; work that starts
elsewhere has no actor.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from waypost.kernel.errors import Unauthenticated
from waypost.kernel.role import Role


class TokenRevoked(Unauthenticated):
    """The token does not count any more: its session has ended, or its user may do less now.
    Refresh it, or sign in again.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    user_id: UUID
    role: Role
    """As the token claims it; the user may have another by now."""
    session_id: UUID | None
    """Of which sign-in the token is."""
    issued_at: datetime
    """To the second, as tokens tell time."""


_bound: ContextVar[Actor | None] = ContextVar("waypost_actor", default=None)


@contextmanager
def bound_actor(actor: Actor) -> Iterator[None]:
    """Names who asks for everything that runs inside the block."""
    token = _bound.set(actor)
    try:
        yield
    finally:
        _bound.reset(token)


def current_actor() -> Actor | None:
    """None for work that no person asks for right now: a job, an answer to an event, a request
    without a token.
    """
    return _bound.get()
