"""Reads that wait for writes: a request with the `Write-Token` of a write and `Prefer: wait=N` is
answered when this service's consumers have handled the events of the write, or after the wait.

All consumers with a handler for an event count. A route that reads the rows of some of them names
these:

    @router.get("/customers/{customer_id}")
    @reads("customers")
    async def show_customer(...) -> CustomerView: ...
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.requests import Request

from waypost.kernel.errors import Misconfigured
from waypost.kernel.ids import TenantId
from waypost.kernel.write_token import WrittenEvent, digest_of_type, read_tokens
from waypost.ports.consumers import Consumer
from waypost.ports.handled_events import Awaited, HandledEvents, Handling, NoHandledEvents
from waypost.telemetry import metrics
from waypost.web.principal import Principal
from waypost.web.request import WRITE_TOKEN, add_response_headers
from waypost.web.shared_reads import SharedReads
from waypost.web.waits import Waited, Waits, prefers_wait

F = TypeVar("F", bound=Callable[..., Any])

STATUS = "Write-Token-Status"
VARY = ("vary", "Prefer, Write-Token")

TOKEN_LIFETIME = timedelta(days=1)
"""An older token is not waited for. Shorter than consumers remember the events that they have
handled.
"""

_READS = "waypost_reads"


class WriteStatus(StrEnum):
    """The field `Write-Token-Status` of a response."""

    HANDLED = "handled"
    """The response shows the write."""
    PENDING = "pending"
    """The response may not show the write yet: the wait ended before."""
    FAILED = "failed"
    """A consumer could not handle an event of the write. An operator has to act."""
    UNCHECKED = "unchecked"
    """This request did not wait: too many do, or the token is older than a day or of a newer
    release.
    """


def reads(*consumers: str) -> Callable[[F], F]:
    """Declares whose rows a route reads, by the names of consumers; the route waits for these
    alone, and for the consumers whose rows the check of the caller reads
    (`Service.rights_consumers`). Write it below the router's decorator.
    """
    if not consumers:
        raise ValueError("name at least one consumer")

    def declared(endpoint: F) -> F:
        setattr(endpoint, _READS, frozenset(consumers))
        return endpoint

    return declared


class OwnWrites:
    """Knows which consumers of the service handle which events, and asks whether they have."""

    def __init__(
        self,
        service: str = "",
        consumers: Iterable[Consumer] = (),
        handled: HandledEvents | None = None,
        *,
        authorization_reads: Iterable[str] = (),
    ) -> None:
        """`authorization_reads`: names of the consumers whose rows give the caller's rights."""
        self._always = frozenset(authorization_reads)
        self._service = service
        self._reads = SharedReads((handled or NoHandledEvents()).handling)
        by_type: dict[bytes, list[str]] = defaultdict(list)
        self._names: set[str] = set()
        for consumer in consumers:
            self._names.add(consumer.name)
            for kind in consumer.handlers:
                by_type[digest_of_type(kind.type)].append(consumer.name)
        self._by_type: Mapping[bytes, Sequence[str]] = by_type

    def awaited(
        self, events: Iterable[WrittenEvent], tenant_id: TenantId, only: frozenset[str] | None
    ) -> frozenset[Awaited]:
        """The events, with each consumer of this service that handles them. `only`: names of the
        consumers that count, None for all. Those of the caller's rights always count: a read is
        refused by earlier rights.
        """
        return frozenset(
            Awaited(f"{self._service}.{name}", event.event_id, tenant_id)
            for event in events
            for name in self._by_type.get(event.type_digest, ())
            if only is None or name in only or name in self._always
        )

    async def status(self, awaited: frozenset[Awaited]) -> WriteStatus:
        """Raises no error: while the database is unavailable, the status is pending."""
        known = await self._reads.read(awaited)
        if Handling.DEAD in known.values():
            return WriteStatus.FAILED
        return WriteStatus.HANDLED if len(known) == len(awaited) else WriteStatus.PENDING

    def refuse_unknown(self, app: FastAPI) -> None:
        """Raises Misconfigured for a route that names an unknown consumer."""
        for route in iter_route_contexts(app.router.routes):
            unknown = sorted(_declared(route.endpoint) - self._names) if route.endpoint else []
            if unknown:
                raise Misconfigured(
                    f"the route {route.path} reads the rows of {', '.join(unknown)}, which {self._service} does not"
                    f" declare as consumers. Use names of this list in @reads: {', '.join(sorted(self._names))}",
                    route=route.path,
                )


def _declared(endpoint: object) -> frozenset[str]:
    found: frozenset[str] = getattr(endpoint, _READS, frozenset())
    return found


async def wait_for_writes(request: Request, caller: Principal) -> None:
    """Waits as the request prefers, and adds the fields that say what came of it. Costs nothing
    for a request without a Write-Token. Raises MalformedWriteToken.
    """
    sent = request.headers.getlist(WRITE_TOKEN)
    if not sent or not prefers_wait(request):
        return
    events = read_tokens(sent, caller.tenant_id)
    own: OwnWrites = request.app.state.own_writes
    waits: Waits = request.app.state.waits
    status = WriteStatus.UNCHECKED
    if events is not None and not _are_old(events, request.app.state.clock.now()):
        awaited = own.awaited(events, caller.tenant_id, _declared(request.scope.get("endpoint")) or None)

        async def is_settled() -> bool:
            nonlocal status
            status = await own.status(awaited)
            return status is not WriteStatus.PENDING

        waited = await waits.until(request, caller, is_settled)
        if waited is Waited.NOT_DONE:  # also if no query has answered in time
            status = WriteStatus.PENDING
    metrics.READ_WAITS.labels(status.value).inc()
    add_response_headers(request.scope, (STATUS, status.value), VARY)


def _are_old(events: Iterable[WrittenEvent], now: datetime) -> bool:
    """Whether an event is older than a token may be. The id of an event contains its time."""
    oldest = min((event.event_id.int >> 80 for event in events), default=0)
    return datetime.fromtimestamp(min(oldest / 1000, now.timestamp()), UTC) < now - TOKEN_LIFETIME
