"""The API documentation at `/docs`, and the redirect from `/`."""

from fastapi import APIRouter, FastAPI
from starlette.responses import RedirectResponse, Response

from waypost.web.limited import PAGES, limited
from waypost.web.pages import assets_router, page_of
from waypost.web.policies import public

_SWAGGER_UI = "fastapi_swagger.resources"  # the distribution of swagger-ui, as a Python package
_FILES = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png")


def docs_router(app: FastAPI) -> APIRouter:
    router = APIRouter(include_in_schema=False, dependencies=[limited(PAGES)])

    @router.get("/")
    @public("a redirect to the documentation")
    async def start() -> Response:
        return RedirectResponse("/docs", status_code=302)

    @router.get("/docs")
    @public("the documentation has no data of tenants")
    async def page() -> Response:
        return page_of("waypost.web", "docs.html", title=app.title)

    router.include_router(assets_router("/docs", _SWAGGER_UI, _FILES))
    return router
