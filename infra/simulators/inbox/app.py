"""Builds the inbox: SMTP in, API and page out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from infra.simulators.database import Database
from infra.simulators.inbox.api import create_router
from infra.simulators.inbox.settings import InboxSettings
from infra.simulators.inbox.smtp import Mailbox, listening
from infra.simulators.inbox.tables import TABLES
from waypost.kernel.clock import SystemClock

PAGE = Path(__file__).parent / "page"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


def create_app(settings: InboxSettings) -> FastAPI:
    """Opens `inbox.sqlite3` in the data directory immediately; listens for SMTP during the
    application's lifespan.
    """
    database = Database(settings.data_directory / "inbox.sqlite3", TABLES)
    mailbox = Mailbox(database, SystemClock())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        largest = settings.smtp_largest_mail_bytes
        with closing(database):
            async with listening(mailbox, settings.host, settings.smtp_listen_port, largest, settings.smtp_options):
                yield

    app = FastAPI(title="Waypost inbox", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.include_router(create_router(database))

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(PAGE / "index.html", headers={"content-security-policy": PAGE_POLICY})

    @app.get("/livez", include_in_schema=False)
    async def livez() -> dict[str, str]:
        return {"status": "ok"}

    app.mount("/page", StaticFiles(directory=PAGE))
    return app
