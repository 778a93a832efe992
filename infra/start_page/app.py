"""Serves the start page."""

import asyncio
from pathlib import Path
from typing import ClassVar

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader

from infra.http_process import ServingSettings
from infra.start_page.pages import pages_from_json
from waypost.native.probes import is_url_reachable

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_TEMPLATE = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True).get_template("page.html")


class StartPageSettings(ServingSettings):
    port_offset: ClassVar[int] = 0

    pages: str = "[]"
    """JSON of `infra.start_page.pages`."""


def create_app(settings: StartPageSettings) -> FastAPI:
    groups = pages_from_json(settings.pages)
    app = FastAPI(title="Waypost start page", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/")
    async def page() -> HTMLResponse:
        probes = sorted({page.probe for group in groups for page in group.pages})
        answers = await asyncio.gather(*map(is_url_reachable, probes))
        html = _TEMPLATE.render(groups=groups, up=dict(zip(probes, answers, strict=True)))
        return HTMLResponse(html, headers={"content-security-policy": POLICY})

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "ok"}

    return app
