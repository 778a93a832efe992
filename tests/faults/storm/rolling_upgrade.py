"""Replaces an older release by this checkout, under load and process by process.

1. The older release serves alone.
2. The checkout's migrations run. Old processes continue on the newer tables, also after a
   restart.
3. For each process: a new one starts beside the old one and shares its work; then the old one
   stops, and a new one takes its place. Readers are replaced before the writers of what they
   read (`waypost.hosting.processes.REPLACED_IN_ORDER`).
4. The checkout serves alone, until each operation has succeeded.

The load is sent to the processes of an API in turn. An API receives no request from the moment of
its stop; the requests that it has received must be answered.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import asdict
from itertools import chain

from tests.faults.storm.journal import Journal
from tests.faults.storm.journeys import OPERATIONS_OF_UPGRADE, VISITS
from tests.faults.storm.load import Load
from tests.faults.storm.older_release import Release, ReplaceableServer
from tests.faults.storm.strikes import next_child
from tests.faults.storm.system import POLL_SECONDS, System
from tests.faults.storm.targets import PROCESSES, SERVICES
from tests.faults.storm.upgrade_evidence import ApiStop, Replacement, UpgradeRecord
from tests.faults.storm.watched import WatchedServer
from tests.faults.storm.work import work_of
from waypost.devstack.parts import PythonOneShot
from waypost.hosting.processes import REPLACED_IN_ORDER, ServiceProcess
from waypost.kernel.errors import WaypostError
from waypost.native.ports import free_ports

OPERATIONS = 12
"""Acknowledged operations between two steps."""
PATIENCE_SECONDS = 180
WORK_POLL_SECONDS = 0.5
RESTARTED = ("users-api", "billing-worker", "notifications-jobs")
"""Old processes that restart on the newer tables, one of each kind."""
REPLACED = tuple(
    process
    for service in reversed(SERVICES)
    for kind in REPLACED_IN_ORDER
    if (process := f"{service}-{kind}") in PROCESSES
)
"""In the order of docs/guide/production.md: notifications consumes the events of all services, and
billing those of users.
"""


class RollingUpgrade:
    def __init__(self, system: System, release: Release, journal: Journal, load: Load) -> None:
        self._system = system
        self._release = release
        self._journal = journal
        self._load = load
        self._besides: list[WatchedServer] = []
        self._replacements: list[Replacement] = []
        self._api_stops: list[ApiStop] = []
        self._before_the_end: Counter[str] | None = None
        """Operations that had succeeded at the last replacement."""
        self._failure = ""

    async def run(self) -> None:
        """Returns once every process runs the checkout, or after the first step that fails."""
        try:
            await self._steps()
        except (TimeoutError, WaypostError) as problem:
            self._fail(str(problem))
        except asyncio.CancelledError:
            self._fail("it was interrupted")
            raise

    def record(self) -> UpgradeRecord:
        """Up to now."""
        servers = [*map(self._server, PROCESSES), *self._besides]
        succeeded = self._load.caller.acknowledged
        return UpgradeRecord(
            processes=REPLACED,
            operations=self._expected_operations,
            replacements=self._replacements,
            exits=list(chain.from_iterable(server.exits for server in servers)),
            api_stops=self._api_stops,
            calls=self._load.traffic.calls,
            abandoned=self._load.people.abandoned,
            succeeded={} if self._before_the_end is None else succeeded - self._before_the_end,
            failure=self._failure,
        )

    async def _steps(self) -> None:
        await self._operations("the older release alone")
        await self._migrate()
        await self._operations("the older release on the newer tables")
        for process in RESTARTED:
            async with self._visitors(process):
                await self._restart(process)
            await self._operations(f"an old {process} that started on the newer tables")
        for process in REPLACED:
            await self._replace(process)
        await self._every_operation()

    async def _migrate(self) -> None:
        for service in SERVICES:
            environment = self._system.environments.process(service, ServiceProcess.MIGRATE)
            log = self._system.log(f"{service}-migrations-of-the-checkout")
            await PythonOneShot(f"services.{service}", ServiceProcess.MIGRATE, environment=environment, log=log)()
            self._journal.write(step=f"migrated {service}")

    async def _replace(self, process: str) -> None:
        server = self._server(process)
        beside = server.beside(*free_ports(1))
        self._besides.append(beside)
        traffic = self._load.traffic
        try:
            await beside.start()
            async with self._visitors(process):
                traffic.divert(server.url, server.url, beside.url)
                await self._work(f"a new {process} beside the old one", process, beside)
                await self._restart(process, beside.url, upgrade=True)
                successor = await self._work(f"a new {process}", process, server)
                shared = await self._work_of(process, beside)
                await self._leave(process, beside, server.url)
                beside.require_running()
                await beside.stop()
        finally:
            traffic.divert(server.url, server.url)
            await beside.stop()
        self._replacements.append(Replacement(process=process, beside=shared, successor=successor))
        self._journal.write(**asdict(self._replacements[-1]))

    async def _restart(self, process: str, *others: str, upgrade: bool = False) -> None:
        """Meanwhile `others` receive the requests; without any the requests wait."""
        server = self._server(process)
        try:
            await self._leave(process, server, *others)
            before = server.child
            if upgrade:
                server.upgrade()
            await server.stop()
            async with asyncio.timeout(PATIENCE_SECONDS):
                await next_child(self._system, process, before)
                await self._system.until_up(PATIENCE_SECONDS)
        finally:
            self._load.traffic.divert(server.url, server.url, *others)

    async def _leave(self, process: str, server: WatchedServer, *others: str) -> None:
        """Returns when `others` receive the requests of this API, and it has not answered some that
        it received before.
        """
        if not process.endswith(ServiceProcess.API):
            return
        address, count = self._server(process).url, 0
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not count:
                    count = await self._load.traffic.withdraw(address, server.url, *others)
        self._api_stops.append(ApiStop(process=process, release=server.release_name, open_requests=count))

    def _visitors(self, process: str) -> AbstractAsyncContextManager[None]:
        """They keep requests open at an API, and give work to others."""
        return self._load.visitors(VISITS[process]) if process in VISITS else nullcontext()

    async def _work(self, step: str, process: str, server: WatchedServer) -> Mapping[str, int]:
        """Returns the work of this very process once it has done some of each kind, or at the
        deadline. Raises StartFailed if a process that no supervisor restarts has ended.
        """
        before = self._load.traffic.operations(server.url)
        await self._operations(step)
        work: Mapping[str, int] = {}
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not work or not all(work.values()):
                    await asyncio.sleep(WORK_POLL_SECONDS)
                    if server in self._besides:
                        server.require_running()
                    work = await self._work_of(process, server, before)
        return work

    async def _work_of(self, process: str, server: WatchedServer, before: int = 0) -> Mapping[str, int]:
        kind = process.rpartition("-")[2]
        if kind != ServiceProcess.API:
            return await work_of(kind, server.url)
        return {"operations": self._load.traffic.operations(server.url) - before}

    def _server(self, process: str) -> ReplaceableServer:
        server = self._system.server(process)
        if not isinstance(server, ReplaceableServer):
            raise TypeError(f"{process} does not run the release {self._release.commit}")
        return server

    async def _operations(self, step: str) -> None:
        self._journal.write(step=step)
        acknowledged = self._load.caller.acknowledged
        enough = acknowledged.total() + OPERATIONS
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while acknowledged.total() < enough:  # noqa: ASYNC110 - the load sends no notification
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise TimeoutError(f"no {OPERATIONS} requests succeeded in {PATIENCE_SECONDS} s with {step}") from None

    @property
    def _expected_operations(self) -> Sequence[str]:
        joins = self._load.people.has_join_policies
        return [name for name in OPERATIONS_OF_UPGRADE if joins or name != "sign_up"]

    async def _every_operation(self) -> None:
        self._journal.write(step="the checkout alone")
        acknowledged = self._load.caller.acknowledged
        self._before_the_end = before = Counter(acknowledged)
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while any(acknowledged[name] == before[name] for name in self._expected_operations):  # noqa: ASYNC110
                    await asyncio.sleep(POLL_SECONDS)

    def _fail(self, reason: str) -> None:
        self._failure = reason
        self._journal.write(failure=reason)
