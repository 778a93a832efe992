"""A service under attack, with its victim and its callers."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from joserfc.jwk import OKPKey
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from services.users.adapters import passwords
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.hosted import HostedService
from waypost.testing.http import client_of

CANARY = "canary-3f9c1d"
"""Part of each text of the victim. An answer to another tenant never contains it."""

Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A request of the victim with its Idempotency-Key."""

    path: str
    body: Mapping[str, object]
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A service, its victim and the callers that attack it."""

    service: HostedService
    app: FastAPI
    http: httpx.AsyncClient
    tenant_id: UUID
    """The victim."""
    victims: Sequence[Headers]
    """Users of the victim, the owner first."""
    attackers: Mapping[str, Headers]
    """By their role; `operator` and `anonymous` belong to no tenant."""
    operator: Headers
    signing_key: OKPKey
    """Signs the tokens that the service accepts."""
    claims: Mapping[str, str]
    """Claims of the victim's owner."""
    recorded: Sequence[Recorded] = field(default=())

    @property
    def name(self) -> str:
        return self.service.service.name

    def served(self) -> Starlette:
        """The application for a server. Its resources are open already."""
        return _OpenApplication(self.app)

    @property
    def where(self) -> ServiceDatabase:
        return self.service.where


class _OpenApplication(Starlette):
    """Passes requests on, and has an empty lifespan."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__()
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await super().__call__(scope, receive, send)
        else:
            await self._app(scope, receive, send)


@asynccontextmanager
async def serving_here(
    service: HostedService, environment: Mapping[str, str], **patched: object
) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    """The application in this process; an unexpected error is answered with 500."""
    async with AsyncExitStack() as stack:
        stack.push_async_callback(service.close)
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in patched.items():
            patch.setattr(passwords, name, value)
        for name, text in environment.items():
            patch.setenv(name, text)
        app = service.app()
        client = client_of(app, base_url=f"http://{service.service.name}", raise_errors=False)
        yield app, await stack.enter_async_context(client)
