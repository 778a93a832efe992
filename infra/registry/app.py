"""Builds the registry application."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from infra.registry.catalog import read_catalog
from infra.registry.errors import RegistryError, read_only
from infra.registry.media import RegistryResponse
from infra.registry.schemas import create_schema_routes
from infra.registry.settings import RegistrySettings
from infra.registry.subjects import create_setting_routes, create_subject_routes


def create_app(settings: RegistrySettings) -> FastAPI:
    """Reads the lock file once; raises `Misconfigured` when it or a schema file is missing or
    malformed.
    """
    catalog = read_catalog(settings.schemas_directory)
    app = FastAPI(title="Waypost schema registry", docs_url=None, redoc_url=None)
    app.include_router(create_schema_routes(catalog))
    app.include_router(create_subject_routes(catalog))
    app.include_router(create_setting_routes())

    @app.get("/")
    async def root() -> dict[str, str]:
        """Empty, as in Confluent's registry: tools call it to detect a registry."""
        return {}

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "ok"}

    app.exception_handler(RegistryError)(_refused)
    app.exception_handler(RequestValidationError)(_malformed)
    app.exception_handler(HTTPException)(_unroutable)
    return app


async def _refused(_: Request, error: RegistryError) -> RegistryResponse:
    return RegistryResponse({"error_code": error.code, "message": str(error)}, error.status)


async def _malformed(_: Request, error: RequestValidationError) -> RegistryResponse:
    in_path = any(fault["loc"][0] == "path" for fault in error.errors())
    # Confluent's registry answers a malformed id with 404 and a malformed body with 422.
    code = 404 if in_path else 422
    return RegistryResponse({"error_code": code, "message": error.errors()[0]["msg"]}, code)


async def _unroutable(request: Request, error: HTTPException) -> RegistryResponse:
    if error.status_code == 405:  # Reads of this address have a route, so the request is a write.
        return await _refused(request, read_only())
    body = {"error_code": error.status_code, "message": f"HTTP {error.status_code} {error.detail}"}
    return RegistryResponse(body, error.status_code, error.headers)
