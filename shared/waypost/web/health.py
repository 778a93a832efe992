"""Probes and metrics, the same for every process: an API has them beside its routes, a worker has
them alone.
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
"""Returns where its part can be had, raises where not."""


def _nothing() -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What a process needs before it should get work."""

    unready: Callable[[], Sequence[str]] = _nothing
    """Names of its parts that do not run (`Process.unready`)."""
    checks: Mapping[str, Check] = field(default_factory=dict)
    """Parts outside of it, asked at each probe, all at once: `{"postgres": database.verify}`."""

    async def missing(self) -> Mapping[str, str]:
        """What is not there, by name, with a reason."""
        reasons = await asyncio.gather(*map(_reason, self.checks.values()))
        outside = {name: reason for name, reason in zip(self.checks, reasons, strict=True) if reason}
        return {**dict.fromkeys(self.unready(), "not running"), **outside}


async def _reason(check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            await check()
    except Exception as error:  # noqa: BLE001 - whatever keeps a part away is the answer
        return type(error).__name__
    return None


def health_router(service: str, readiness: Readiness) -> APIRouter:
    """`/livez` asks nobody, so that an outage elsewhere never restarts this process; `/readyz` asks
    all.
    """
    router = APIRouter(tags=["health"])

    @router.get("/livez")
    async def livez() -> Mapping[str, str]:
        """Whether the process lives; asks nobody else."""
        return {"status": "alive"}

    @router.get("/readyz")
    async def readyz(verbose: Annotated[str | None, Query(description="Names what is missing.")] = None) -> Response:
        """Whether it should get work: 503 where something that it needs is away."""
        missing = await readiness.missing()
        content: dict[str, object] = {"status": "unready" if missing else "ready"}
        if verbose is not None:
            content["missing"] = missing
        return JSONResponse(content, 503 if missing else 200)

    @router.get("/metrics")
    async def metrics() -> Response:
        """For Prometheus."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @router.get("/version")
    async def version() -> Mapping[str, str]:
        """Which release runs here."""
        return {"service": service, "version": VERSION, "python": platform.python_version()}

    return router
