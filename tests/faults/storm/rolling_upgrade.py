"""Replaces an older release by this checkout, under load and process by process.

1. The older release serves alone.
2. The checkout's migrations run. Old processes continue on the newer tables, also after a
   restart.
3. For each process: a new one starts beside the old one, then the old one stops, and a new one
   takes its port. Consumers are replaced before the producers of their events.
"""

import asyncio
from collections.abc import Callable
from itertools import chain

from tests.faults.storm.journal import Journal
from tests.faults.storm.older_release import Release, ReplaceableServer
from tests.faults.storm.strikes import next_child
from tests.faults.storm.system import POLL_SECONDS, System
from tests.faults.storm.targets import PROCESSES, SERVICES
from waypost.devstack.parts import PythonOneShot
from waypost.hosting.processes import ServiceProcess
from waypost.native.ports import free_ports

OPERATIONS = 12
"""Acknowledged operations between two steps."""
PATIENCE_SECONDS = 180
RESTARTED = ("users-api", "billing-worker", "notifications-jobs")
"""Old processes that restart on the newer tables, one of each kind."""
_ORDER = ("worker", "jobs", "live", "api")
REPLACED = tuple(
    chain.from_iterable([process for process in PROCESSES if process.endswith(f"-{kind}")] for kind in _ORDER)
)


class RollingUpgrade:
    def __init__(self, system: System, release: Release, journal: Journal, acknowledged: Callable[[], int]) -> None:
        self._system = system
        self._release = release
        self._journal = journal
        self._acknowledged = acknowledged
        """Number of acknowledged operations so far."""

    async def run(self) -> None:
        """Returns once every process runs the checkout. Raises TimeoutError if requests are not
        acknowledged or a process does not start, and StartFailed for a failed migration.
        """
        await self._operations("the older release alone")
        await self._migrate()
        await self._operations("the older release on the newer tables")
        for process in RESTARTED:
            await self._restart(process)
            await self._operations(f"an old {process} that started on the newer tables")
        for process in REPLACED:
            await self._replace(process)

    async def _migrate(self) -> None:
        for service in SERVICES:
            environment = self._system.environments.process(service, ServiceProcess.MIGRATE)
            log = self._system.log(f"{service}-migrations-of-the-checkout")
            await PythonOneShot(f"services.{service}", ServiceProcess.MIGRATE, environment=environment, log=log)()
            self._journal.write(step=f"migrated {service}")

    async def _replace(self, process: str) -> None:
        server = self._server(process)
        beside = server.beside(*free_ports(1))
        try:
            await beside.start()
            await self._operations(f"a new {process} beside the old one")
            server.upgrade()
            await self._restart(process)
            await self._operations(f"a new {process}")
        finally:
            await beside.stop()

    async def _restart(self, process: str) -> None:
        server = self._server(process)
        before = server.child
        await server.stop()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await next_child(self._system, process, before)
            await self._system.until_up(PATIENCE_SECONDS)

    def _server(self, process: str) -> ReplaceableServer:
        server = self._system.server(process)
        if not isinstance(server, ReplaceableServer):
            raise TypeError(f"{process} does not run the release {self._release.commit}")
        return server

    async def _operations(self, step: str) -> None:
        self._journal.write(step=step)
        enough = self._acknowledged() + OPERATIONS
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while self._acknowledged() < enough:  # noqa: ASYNC110 - the load sends no notification
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise TimeoutError(f"no {OPERATIONS} requests succeeded in {PATIENCE_SECONDS} s with {step}") from None
