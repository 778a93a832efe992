"""Probes and metrics, the same in every process. An API serves them with its routes, a worker on
their own.
"""

import asyncio
import platform
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Query
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import JSONResponse, Response

from waypost import VERSION

CHECK_TIMEOUT_SECONDS = 1.0

Check = Callable[[], Awaitable[object]]
"""Returns if its dependency is available, raises if not."""


def _nothing() -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """The conditions under which a process is ready for requests or work."""

    unready: Callable[[], Sequence[str]] = _nothing
    """Returns the names of the process's parts that do not run (`Process.unready`)."""
    checks: Mapping[str, Check] = field(default_factory=dict)
    """Checks of dependencies, run concurrently at each probe: `{"postgres": database.verify}`."""

    async def missing(self) -> Mapping[str, str]:
        """The unavailable parts and dependencies by name, each with a reason."""
        reasons = await asyncio.gather(*map(_reason, self.checks.values()))
        outside = {name: reason for name, reason in zip(self.checks, reasons, strict=True) if reason}
        return {**dict.fromkeys(self.unready(), "not running"), **outside}


async def _reason(check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            await check()
    except Exception as error:  # noqa: BLE001 - any error is the reason
        return type(error).__name__
    return None


def health_router(service: str, readiness: Readiness) -> APIRouter:
    """`/livez` checks no dependency, so that an outage elsewhere never restarts this process.
    `/readyz` checks all.
    """
    router = APIRouter(tags=["health"])

    @router.get("/livez")
    async def livez() -> Mapping[str, str]:
        """Returns 200 while the process runs. Checks no dependency."""
        return {"status": "alive"}

    @router.get("/readyz")
    async def readyz(
        verbose: Annotated[
            str | None, Query(description="If present, the response names the unavailable parts.")
        ] = None,
    ) -> Response:
        """Returns 200 if the process is ready, or 503 if a part or a dependency is unavailable."""
        missing = await readiness.missing()
        content: dict[str, object] = {"status": "unready" if missing else "ready"}
        if verbose is not None:
            content["missing"] = missing
        return JSONResponse(content, 503 if missing else 200)

    @router.get("/metrics")
    async def metrics() -> Response:
        """Returns the metrics in the text format of Prometheus."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @router.get("/version")
    async def version() -> Mapping[str, str]:
        """Returns the release that runs here."""
        return {"service": service, "version": VERSION, "python": platform.python_version()}

    return router
