"""Builds the payment provider application."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from infra.simulators.database import Database
from infra.simulators.payments.api import create_router
from infra.simulators.payments.dashboard import create_dashboard
from infra.simulators.payments.errors import ErrorType, ProviderError, error_body
from infra.simulators.payments.page import create_page
from infra.simulators.payments.provider import Provider
from infra.simulators.payments.settings import PaymentsSettings
from infra.simulators.payments.tables import TABLES
from infra.simulators.payments.webhook_sender import WebhookSender
from waypost.kernel.clock import SystemClock


def create_app(settings: PaymentsSettings) -> FastAPI:
    """Opens `payments.sqlite3` in the data directory immediately; closes it when the application's
    lifespan ends.
    """
    clock = SystemClock()
    database = Database(settings.data_directory / "payments.sqlite3", TABLES)
    sender = _webhook_sender(database, clock, settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with contextlib.closing(database):
            async with _running(sender):
                yield

    app = FastAPI(title="Waypost payments simulator", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.include_router(create_router(Provider(database, clock, settings), database, sender))
    app.include_router(create_dashboard(database, clock, sender))
    app.include_router(create_page(database))
    app.exception_handler(ProviderError)(_refused)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(HTTPException)(_unroutable)
    return app


def _webhook_sender(database: Database, clock: SystemClock, settings: PaymentsSettings) -> WebhookSender | None:
    if settings.payments_webhook_url is None or settings.payments_webhook_secret is None:
        return None
    secret = settings.payments_webhook_secret.get_secret_value()
    return WebhookSender(database, clock, settings, str(settings.payments_webhook_url), secret)


@asynccontextmanager
async def _running(sender: WebhookSender | None) -> AsyncIterator[None]:
    if sender is None:
        yield
        return
    await sender.start()
    try:
        yield
    finally:
        await sender.stop()


async def _refused(_: Request, error: ProviderError) -> JSONResponse:
    return JSONResponse(error.body, error.status)


async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    message = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return JSONResponse(error_body(ErrorType.INVALID_REQUEST, "parameter_invalid", message), 400)


async def _unroutable(_: Request, error: HTTPException) -> JSONResponse:
    body = error_body(ErrorType.INVALID_REQUEST, "request_unroutable", str(error.detail))
    return JSONResponse(body, error.status_code, error.headers)
