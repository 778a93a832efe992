"""The AsyncAPI page at `/asyncapi`, and its document."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from waypost.web.limited import PAGES, limited
from waypost.web.pages import assets_router, page_of
from waypost.web.policies import public

_VIEWER = "asyncapi_viewer.static"  # a distribution with one web component
_FILES = ("asyncapi-viewer.js",)


def asyncapi_router(document: Callable[[], Mapping[str, Any]]) -> APIRouter:
    """Routes of the page. The document is generated once, at the first request, outside the event
    loop.
    """
    router = APIRouter(include_in_schema=False, dependencies=[limited(PAGES)])
    made = cache(document)

    @router.get("/asyncapi")
    @public("the documentation has no data of tenants")
    def page() -> Response:
        return page_of("waypost.web", "asyncapi.html", title=made()["info"]["title"])

    @router.get("/asyncapi.json")
    @public("the documentation has no data of tenants")
    def shown() -> Response:
        return JSONResponse(made())

    router.include_router(assets_router("/asyncapi", _VIEWER, _FILES))
    return router
