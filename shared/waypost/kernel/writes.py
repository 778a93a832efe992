"""The events that the running request has stored. The API layer binds a collection, and units of
work add their committed events to it.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId
from waypost.kernel.write_token import token_of


class Writes:
    """The committed events of one request, and whether its response may name them."""

    __slots__ = ("_committed", "tenant_id")

    def __init__(self) -> None:
        self._committed: list[Envelope[Event]] = []
        self.tenant_id: TenantId | None = None
        """The tenant of the caller, who may learn of the writes. None: no caller may."""

    def add(self, committed: Iterable[Envelope[Event]]) -> None:
        self._committed.extend(committed)

    def token(self, uncommitted: Iterable[Envelope[Event]] = ()) -> str | None:
        """The token of the events so far, with those of a transaction that is about to commit."""
        if self.tenant_id is None:
            return None
        stored = [*self._committed, *uncommitted]
        return token_of(stored, self.tenant_id) if stored else None


_bound: ContextVar[Writes | None] = ContextVar("waypost_writes", default=None)


@contextmanager
def bound_writes(writes: Writes) -> Iterator[None]:
    """Binds the collection for everything that runs inside the block."""
    token = _bound.set(writes)
    try:
        yield
    finally:
        _bound.reset(token)


def current_writes() -> Writes | None:
    """The bound collection; None outside of a request."""
    return _bound.get()


def show_writes_to(tenant_id: TenantId) -> None:
    """Permits the response of the request to name its writes, to a caller of this tenant."""
    if (writes := _bound.get()) is not None:
        writes.tenant_id = tenant_id


def hide_writes() -> None:
    """Keeps the response of the request from naming its writes: for a route whose answer must not
    reveal whether it has written anything.
    """
    if (writes := _bound.get()) is not None:
        writes.tenant_id = None
