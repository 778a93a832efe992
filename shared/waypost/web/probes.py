"""Probes and metrics, the same in every process: an API serves them with its routes, a worker on
their own.

A worker does not load FastAPI, so this module uses Starlette alone.
"""

import asyncio
import platform
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from waypost import VERSION
from waypost.kernel.errors import Transient, WaypostError
from waypost.web.unrouted import unrouted

CHECK_TIMEOUT_SECONDS = 1.0

Check = Callable[[], Awaitable[object]]
"""Returns if a dependency is available, raises if not."""


def _nothing() -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """The conditions under which a process is ready for requests or work."""

    unready: Callable[[], Sequence[str]] = _nothing
    """Returns the names of the process's parts that do not run (`Process.unready`)."""
    checks: Mapping[str, Check] = field(default_factory=dict)
    """Checks of dependencies, run concurrently at each probe: `{"postgres": database.verify}`."""
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the process begins to end (`Process`): it accepts no more work, although some parts
    still run.
    """

    async def missing(self) -> Mapping[str, str]:
        """The unavailable parts and dependencies by name, each with a reason."""
        reasons = await asyncio.gather(*map(_reason, self.checks.values()))
        outside = {name: reason for name, reason in zip(self.checks, reasons, strict=True) if reason}
        ending = {"process": "it is ending"} if self.ending.is_set() else {}
        return {**ending, **dict.fromkeys(self.unready(), "not running"), **outside}


async def _reason(check: Check) -> str | None:
    """An error of a server may contain an address: only its kind is shown."""
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            await check()
    except Exception as error:  # noqa: BLE001 - any error is the reason
        is_ours = isinstance(error, WaypostError) and not isinstance(error, Transient)
        return f"{type(error).__name__}: {error}" if is_ours else type(error).__name__
    return None


class Probes:
    """The responses of a process's probes. `livez` checks no dependency, so that an outage
    elsewhere never restarts this process. `readyz` checks all.
    """

    def __init__(self, service: str, readiness: Readiness) -> None:
        self._service = service
        self._readiness = readiness

    def livez(self) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(self, *, verbose: bool) -> Response:
        missing = await self._readiness.missing()
        content: dict[str, object] = {"status": "unready" if missing else "ready"}
        if verbose:
            content["missing"] = missing
        return JSONResponse(content, 503 if missing else 200)

    def metrics(self) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    def version(self) -> Response:
        return JSONResponse({"service": self._service, "version": VERSION, "python": platform.python_version()})


def create_probes_app(service: str, readiness: Readiness) -> Starlette:
    """Probes and metrics only, for workers and job processes."""
    probes = Probes(service, readiness)

    async def livez(_: Request) -> Response:
        return probes.livez()

    async def readyz(request: Request) -> Response:
        return await probes.readyz(verbose="verbose" in request.query_params)

    async def metrics(_: Request) -> Response:
        return probes.metrics()

    async def version(_: Request) -> Response:
        return probes.version()

    routes = [Route(f"/{endpoint.__name__}", endpoint) for endpoint in (livez, readyz, metrics, version)]
    app = Starlette(routes=routes, exception_handlers={404: _no_route, 405: _no_route})
    app.router.redirect_slashes = False
    return app


async def _no_route(request: Request, _: Exception) -> Response:
    return unrouted(request, f"This process serves {', '.join(route.path for route in request.app.routes)}.")
