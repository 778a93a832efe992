"""The probes as routes of an API, with their documentation."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from waypost import VERSION
from waypost.project import metric
from waypost.web.policies import public
from waypost.web.probes import Probes, Readiness

_METRICS = f"# TYPE {metric('outbox_published_total')} counter\n{metric('outbox_published_total')} 42.0\n"


def _answer(status: int, example: dict[str, str]) -> dict[int | str, dict[str, Any]]:
    return {status: {"content": {"application/json": {"example": example}}}}


def health_router(service: str, readiness: Readiness) -> APIRouter:
    router, probes = APIRouter(tags=["health"]), Probes(service, readiness)

    @router.get("/livez", responses=_answer(200, {"status": "alive"}))
    @public("probes send no token")
    async def livez() -> Response:
        """Returns 200 while the process runs. Checks no dependency."""
        return probes.livez()

    @router.get("/readyz", responses=_answer(200, {"status": "ready"}))
    @public("probes send no token")
    async def readyz(
        verbose: Annotated[
            str | None, Query(description="If present, the response names the unavailable parts.")
        ] = None,
    ) -> Response:
        """Returns 200 if the process is ready, or 503 if a part or a dependency is unavailable."""
        return await probes.readyz(verbose=verbose is not None)

    @router.get(
        "/metrics", response_class=Response, responses={200: {"content": {"text/plain": {"example": _METRICS}}}}
    )
    @public("Prometheus sends no token; a management port serves it")
    async def metrics() -> Response:
        """Returns the metrics in the text format of Prometheus."""
        return probes.metrics()

    @router.get("/version", responses=_answer(200, {"service": service, "version": VERSION, "python": "3.11.9"}))
    @public("states the release only")
    async def version() -> Response:
        """Returns the release that runs here."""
        return probes.version()

    for path, endpoint in (("/livez", livez), ("/readyz", readyz), ("/metrics", metrics), ("/version", version)):
        router.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False)
    return router
