"""The API's page at `/docs`, with assets from this machine: it works without a network and tells no third party."""

from collections.abc import Awaitable, Callable
from functools import cache
from importlib import resources

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import Response

_ASSETS = "fastapi_swagger.resources"  # the distribution of swagger-ui, as a Python package
_KINDS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "favicon-32x32.png": "image/png"}


def docs_router(app: FastAPI) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    async def page() -> Response:
        script, style, icon = (f"/docs/{name}" for name in _KINDS)
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=app.title,
            swagger_js_url=script,
            swagger_css_url=style,
            swagger_favicon_url=icon,
            swagger_ui_parameters={"persistAuthorization": True, "displayRequestDuration": True},
        )

    for name, kind in _KINDS.items():
        router.add_api_route(f"/docs/{name}", _asset(name, kind))
    return router


def _asset(name: str, kind: str) -> Callable[[], Awaitable[Response]]:
    async def asset() -> Response:
        return Response(_read(name), media_type=kind, headers={"Cache-Control": "public, max-age=86400"})

    return asset


@cache
def _read(name: str) -> bytes:
    return (resources.files(_ASSETS) / name).read_bytes()
