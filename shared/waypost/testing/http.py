"""Web applications under test, called in this process or served on a port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette

from waypost.native.ports import LOOPBACK
from waypost.web.certificates import trusted_certificates
from waypost.web.server import HttpServer


@asynccontextmanager
async def client_of(
    app: Starlette, *, base_url: str = "http://demo", raise_errors: bool = True
) -> AsyncIterator[httpx.AsyncClient]:
    """A client that calls the application in this process, including its lifespan. Raises an
    unhandled error of the application, or with `raise_errors=False` gets a response with status
    500.
    """
    transport = httpx.ASGITransport(app, raise_app_exceptions=raise_errors)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=base_url) as client,
    ):
        yield client


@asynccontextmanager
async def serving(app: Starlette, port: int = 0) -> AsyncIterator[str]:
    """Serves `app`, including its lifespan, and yields its base URL. Port 0 means a free port.
    Raises RuntimeError if the server ends while it starts.
    """
    server = HttpServer(app, host=LOOPBACK, port=port)
    await server.start()
    try:
        if server.failed.is_set():
            raise RuntimeError("the server ended while it started; its log event server_failed has the error")
        yield f"http://{LOOPBACK}:{server.port}"
    finally:
        await server.drain(deadline_seconds=1)
        await server.stop()


@asynccontextmanager
async def caller(base_url: str, timeout_seconds: float = 20) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client that ignores the proxy settings of the environment."""
    certificates = trusted_certificates()
    async with httpx.AsyncClient(
        base_url=base_url, timeout=timeout_seconds, trust_env=False, verify=certificates
    ) as client:
        yield client
