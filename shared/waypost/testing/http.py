"""Web applications under test: in this process, or served on a port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI

from waypost.native.ports import LOOPBACK
from waypost.web.server import HttpServer


@asynccontextmanager
async def client_of(
    app: FastAPI, *, base_url: str = "http://demo", raise_errors: bool = True
) -> AsyncIterator[httpx.AsyncClient]:
    """Talks to the application in this process, its lifespan included. An error that escapes the
    application is raised here, or answered with 500 as a server answers it.
    """
    transport = httpx.ASGITransport(app, raise_app_exceptions=raise_errors)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=base_url) as client,
    ):
        yield client


@asynccontextmanager
async def serving(app: FastAPI, port: int = 0) -> AsyncIterator[str]:
    """The base URL of `app` on a free port unless one is given, its lifespan included."""
    server = HttpServer(app, host=LOOPBACK, port=port)
    await server.start()
    try:
        yield f"http://{LOOPBACK}:{server.port}"
    finally:
        await server.drain(deadline_seconds=1)
        await server.stop()


@asynccontextmanager
async def caller(base_url: str, timeout_seconds: float = 20) -> AsyncIterator[httpx.AsyncClient]:
    """A client that no proxy of the environment stands in front of."""
    async with httpx.AsyncClient(base_url=base_url, timeout=timeout_seconds, trust_env=False) as client:
        yield client
