"""The probes as routes of an API, with their documentation."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from waypost.web.policies import public
from waypost.web.probes import Probes, Readiness


def health_router(service: str, readiness: Readiness) -> APIRouter:
    router, probes = APIRouter(tags=["health"]), Probes(service, readiness)

    @router.get("/livez")
    @public("probes send no token")
    async def livez() -> Response:
        """Returns 200 while the process runs. Checks no dependency."""
        return probes.livez()

    @router.get("/readyz")
    @public("probes send no token")
    async def readyz(
        verbose: Annotated[
            str | None, Query(description="If present, the response names the unavailable parts.")
        ] = None,
    ) -> Response:
        """Returns 200 if the process is ready, or 503 if a part or a dependency is unavailable."""
        return await probes.readyz(verbose=verbose is not None)

    @router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    @public("Prometheus sends no token; close the path at the gateway")
    async def metrics() -> Response:
        """Returns the metrics in the text format of Prometheus."""
        return probes.metrics()

    @router.get("/version")
    @public("states the release only")
    async def version() -> Response:
        """Returns the release that runs here."""
        return probes.version()

    for path, endpoint in (("/livez", livez), ("/readyz", readyz), ("/metrics", metrics), ("/version", version)):
        router.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False)
    return router
