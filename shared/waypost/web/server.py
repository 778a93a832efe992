"""The HTTP server of a process."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from email.utils import formatdate

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from waypost.kernel.errors import Misconfigured
from waypost.project import variable
from waypost.web.connections import DEFAULT_BOUNDS, ConnectionBounds, bounded_by

log = structlog.get_logger()

BACKLOG = 1024
ROUNDS_TO_REGISTER = 2
"""Rounds of the event loop from the acceptance of a connection to its registration: the shutdown
that follows closes registered ones only.
"""
ROUNDS_TO_CLOSE = 2
"""Rounds from the closing of an idle connection to the end of its registration."""


class HttpServer:
    """A `waypost.engine.process.Breakable` that serves one application on one port. A drain closes
    the port, then waits for the open requests.
    """

    def __init__(
        self,
        app: Starlette,
        *,
        host: str = "127.0.0.1",
        port: int,
        name: str = "http",
        bounds: ConnectionBounds = DEFAULT_BOUNDS,
        filtered_app: ASGIApp | None = None,
        port_setting: str = "SERVICE_PORT",
        port_remedy: str = "a free port",
    ) -> None:
        """`filtered_app` answers the requests instead of `app`. Start another server of `app`
        first: it opens the resources. `port_setting`, `port_remedy`: the variable to set, and its
        value, if the port is in use.
        """
        self.name = name
        self.ready = asyncio.Event()
        self.failed = asyncio.Event()
        self._app = app
        self._opens_resources = filtered_app is None
        self._address = (host, port)
        self._remedy = (port_setting, port_remedy)
        self._resources = AsyncExitStack()
        self._server = _Server(_config(filtered_app or app, bounds))
        self._serving: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The bound port, also if port 0 was requested."""
        return self._address[1]

    async def start(self) -> None:
        """Opens the application's resources, then the port. Raises Misconfigured if the port is in
        use, and the errors of the resources.
        """
        listener = _listen(*self._address, *self._remedy)
        self._resources.callback(_close, listener)
        self._address = (self._address[0], listener.getsockname()[1])
        if self._opens_resources:
            await self._resources.enter_async_context(self._app.router.lifespan_context(self._app))
        self._serving = asyncio.create_task(self._server.serve([listener]), name=self.name)
        self._serving.add_done_callback(self._served)
        await self._server.accepting.wait()
        if not self._serving.done():
            self.ready.set()

    def _served(self, serving: "asyncio.Task[None]") -> None:
        """Called when the server has ended. If nothing asked for it, the process ends with an
        error, because nothing answers on the port any more; its supervisor restarts it.
        """
        self.ready.clear()
        self._server.accepting.set()
        if not self._server.should_exit:
            error = None if serving.cancelled() else serving.exception()
            log.error("server_failed", part=self.name, exc_info=error)
            self.failed.set()

    async def drain(self, deadline_seconds: float) -> None:
        self.ready.clear()
        self._server.end()
        for waiting in ("streams", "waits"):  # they end only with their client, or late
            if (requests := getattr(self._app.state, waiting, None)) is not None:
                requests.end()
        if self._serving is not None:
            await asyncio.wait([self._serving], timeout=deadline_seconds)

    async def stop(self) -> None:
        self.ready.clear()
        self._server.end(force=True)
        if self._serving is not None:
            await asyncio.gather(self._serving, return_exceptions=True)
            self._serving = None
        await self._server.abandon()
        await self._resources.aclose()


class _Server(uvicorn.Server):
    """Sets `accepting` when it accepts connections, and leaves signals to the process. Sleeps while
    there is no request: uvicorn's own loop runs ten times a second.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = asyncio.Event()
        self.server_state = _State()
        self._ending = asyncio.Event()

    async def main_loop(self) -> None:
        await self._ending.wait()
        await _rounds_of_the_loop(ROUNDS_TO_REGISTER)

    def end(self, *, force: bool = False) -> None:
        """Accepts no more connections, and ends after the open requests. `force` does not wait for
        them.
        """
        self.should_exit, self.force_exit = True, self.force_exit or force
        self._ending.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.accepting.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Closes the port and the idle connections, and waits for the open requests. uvicorn's own
        always pauses for 100 ms.
        """
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            _close(listener)
        await _rounds_of_the_loop(ROUNDS_TO_REGISTER)
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await _rounds_of_the_loop(ROUNDS_TO_CLOSE)
        await self._wait_tasks_to_complete()

    async def abandon(self) -> None:
        """Cancels the requests that are still open after the drain. uvicorn's forced exit does not
        cancel them.
        """
        running = list(self.server_state.tasks)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.close()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _State(ServerState):
    """Formats the Date header (RFC 9110, 6.6.1) for the first response of a second."""

    _second = 0

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]:
        if (now := int(time.time())) != self._second:
            self._second, self._headers = now, [(b"date", formatdate(now, usegmt=True).encode())]
        return self._headers

    @default_headers.setter
    def default_headers(self, _: list[tuple[bytes, bytes]]) -> None:
        """uvicorn sets an empty list at the start."""


async def _rounds_of_the_loop(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


def _config(app: ASGIApp, bounds: ConnectionBounds) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=bounded_by(bounds),
        ws="none",
        lifespan="off",  # entered by `start`, so that its errors reach the caller
        log_config=None,
        access_log=False,  # `waypost.web.request` writes one line per request
        server_header=False,
        proxy_headers=False,  # `waypost.web.client_network` reads them, from trusted proxies only
        timeout_keep_alive=15,
    )


def _close(listener: socket.socket) -> None:
    """Closes the port. The event loop still watches it if the start was canceled, and would later
    take another file with its number for it.
    """
    if listener.fileno() >= 0:
        asyncio.get_running_loop().remove_reader(listener.fileno())
    listener.close()


def _listen(host: str, port: int, setting: str, remedy: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise Misconfigured(
            f"cannot listen on {host}:{port} ({error.strerror}). Set {variable(setting)} to {remedy}",
            host=host,
            port=port,
        ) from error
