"""Sends each request of the load to a process that serves it, like a load balancer, and records
what its caller saw.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import httpx

from waypost.native.probes import is_url_reachable

RESPONSE_SECONDS = 5.0
POLL_SECONDS = 0.002
"""Shorter than a request."""
SUCCESSES = range(200, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, and what its caller saw."""

    method: str
    path: str
    process: str
    """URL of the process that the request was sent to."""
    operation: str = ""
    """Name of the operation; empty for a request that changes nothing."""
    status: int | None = None
    """None if no response arrived."""
    error: str = ""
    """The error of the connection."""


class Traffic:
    """An address without `divert` is served by the process at this address."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.calls: list[Call] = []
        self._http = http
        self._processes: dict[str, Sequence[str]] = {}
        self._turns: Counter[str] = Counter()
        self._open: dict[str, set[_Request]] = defaultdict(set)
        self._changed = asyncio.Event()

    async def send(self, method: str, url: str, operation: str = "", **arguments: Any) -> httpx.Response:
        """Raises httpx.TransportError. Waits while no process serves the address."""
        parts = urlsplit(url)
        process = await self._next_process(f"{parts.scheme}://{parts.netloc}")
        request, call = _Request(), Call(method=method, path=parts.path, process=process, operation=operation)
        self._open[process].add(request)
        try:
            response = await self._http.request(
                method,
                f"{process}{parts.path}",
                timeout=RESPONSE_SECONDS,
                extensions={"trace": request.trace},
                **arguments,
            )
        except httpx.TransportError as error:
            self.calls.append(replace(call, error=f"{type(error).__name__} {error}".rstrip()))
            raise
        finally:
            self._open[process].discard(request)
        self.calls.append(replace(call, status=response.status_code))
        return response

    def divert(self, address: str, *processes: str) -> None:
        """From now on these processes serve the address in turn; without any its requests wait."""
        self._processes[address] = processes
        self._changed.set()
        self._changed = asyncio.Event()

    async def withdraw(self, address: str, process: str, *others: str) -> int:
        """Waits for an open request at the process; from then on only `others` serve the address.
        Returns the number of requests that the process has received and not answered.
        """
        self.divert(address, process, *others)
        try:
            await self.until_open(process)
        finally:
            self.divert(address, *others)
        await self.until_sent(process)
        await is_url_reachable(f"{process}/livez")  # once it is answered, the requests before it were received
        return self.open_requests(process)

    async def until_open(self, process: str) -> None:
        """Returns when a request to the process was sent and is not answered."""
        while not any(request.sent for request in self._open[process]):  # noqa: ASYNC110 - the client sends no notification
            await asyncio.sleep(POLL_SECONDS)

    async def until_sent(self, process: str) -> None:
        """Returns when each request to the process was sent or has ended."""
        while not all(request.sent for request in self._open[process]):  # noqa: ASYNC110 - the client sends no notification
            await asyncio.sleep(0)

    def open_requests(self, process: str) -> int:
        return len(self._open[process])

    def operations(self, process: str) -> int:
        """Operations that the process answered with success."""
        return sum(call.process == process and call.operation != "" and call.status in SUCCESSES for call in self.calls)

    async def _next_process(self, address: str) -> str:
        while not (processes := self._processes.get(address, (address,))):
            await self._changed.wait()
        self._turns[address] += 1
        return processes[self._turns[address] % len(processes)]


class _Request:
    """An open request."""

    def __init__(self) -> None:
        self.sent = False

    async def trace(self, event: str, _: Mapping[str, Any]) -> None:
        """Receives the events of the HTTP client."""
        if event == "http11.send_request_body.complete":
            self.sent = True
