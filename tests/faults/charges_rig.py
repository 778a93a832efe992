"""Billing's API, the payment provider, and job processes that a test kills and freezes."""

import os
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response

from infra.simulators.payments.webhooks import SIGNATURE_HEADER
from tests.faults import charges_process
from tests.faults.charges_queue import ChargesQueue
from tests.fixtures.forked import ForkedProgram
from tests.fixtures.processes import is_stopped
from tests.integration.billing.service import NO_TIME, BillingService, Company
from tests.integration.infra import payments
from waypost.engine import failpoints as points
from waypost.jobs.worker import JobWorkerSettings
from waypost.native.child import Child
from waypost.native.ports import LOOPBACK, free_ports
from waypost.testing.clock import MovableClock
from waypost.testing.database import connected
from waypost.testing.eventually import eventually
from waypost.testing.http import serving

REPOSITORY = Path(__file__).parents[2]
PAYMENTS_URL = "WAYPOST_PAYMENTS_URL"
SHORT, MEDIUM, LONG = 0.6, 3.0, 30.0
"""Seconds of a lease: of a process that is killed, of a frozen one whose jobs another process takes
over and which then works again on a busy machine, and of one whose lease does not expire.
"""

Charge = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class ChargesRig:
    billing: BillingService
    folder: Path
    webhook_port: int
    """Where the provider sends its webhooks; a listener exists only if the test starts one."""
    processes: list[Child] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.put_forward(NO_TIME)

    @property
    def queue(self) -> ChargesQueue:
        return ChargesQueue(self.billing)

    @property
    def _clock(self) -> MovableClock:
        return MovableClock(file=self._clock_file)

    @property
    def _clock_file(self) -> Path:
        return self.folder / "clock"

    async def company(self, card: str = "pm_card_visa") -> Company:
        company = await self.billing.company()
        await company.attach_card(card)
        return company

    async def killed(self, failpoint: str) -> None:
        """A job process that works until it kills itself at the failpoint."""
        process = await self._start(f"{failpoint}=kill", lease_seconds=SHORT)
        assert await process.wait() == -9, process.log.read_text()

    async def frozen(self, failpoint: str, *, lease_seconds: float = LONG) -> Child:
        """A job process that works until it stops itself at the failpoint."""
        process = await self._start(f"{failpoint}=stop", lease_seconds=lease_seconds)
        await eventually(lambda: is_stopped(process), deadline_seconds=30)
        return process

    async def interrupted(self, failpoint: str) -> None:
        """A job that fails at the failpoint, in this process, and does not run again."""
        armed = points.failpoint(failpoint)
        armed.arm("raise")
        async with self.working():
            await eventually(self.queue.was_interrupted, deadline_seconds=20)
            await self.queue.forget()
        armed.disarm()

    @asynccontextmanager
    async def working(self, *, ahead: timedelta = NO_TIME) -> AsyncIterator[None]:
        """A job worker in this process, whose clock may be ahead. So are the due times of the jobs
        that are queued.
        """
        clock = MovableClock()
        clock.move(ahead)
        async with connected(self.billing.where.app) as app:
            await app.execute("update jobs set run_at = run_at - $1::interval where status = 'queued'", ahead)
        async with self.billing.working(JobWorkerSettings(lease_seconds=3, poll_seconds=0.1), clock=clock):
            yield

    async def charges(self) -> Sequence[Charge]:
        """All charges of the provider, oldest first."""
        return await payments.charges(self.billing.payments)

    def let_the_provider_forget(self) -> None:
        """Simulates a day at the provider: its idempotency keys are deleted, its charges stay."""
        with closing(sqlite3.connect(self.folder / "payments.sqlite3")) as database, database:
            database.execute("delete from idempotency_keys")

    @asynccontextmanager
    async def hearing_webhooks(self) -> AsyncIterator[None]:
        """Runs until the provider has delivered all its webhooks."""
        app = FastAPI()

        @app.post("/webhooks/payments")
        async def pass_on(request: Request) -> Response:
            signed = {SIGNATURE_HEADER: request.headers[SIGNATURE_HEADER], "content-type": "application/json"}
            answer = await self.billing.http.post("/webhooks/payments", content=await request.body(), headers=signed)
            return Response(status_code=answer.status_code)

        async with serving(app, port=self.webhook_port):
            yield
            await eventually(self._all_delivered)

    def put_forward(self, by: timedelta) -> None:
        """Sets the clock of the job processes ahead, including frozen ones."""
        self._clock.move(by - self._clock.offset)

    async def know(self, company: Company, status: str = "open") -> None:
        """Adds the tenant to billing's directory."""
        async with connected(self.billing.where.app) as app, app.transaction():
            await app.execute("set local search_path = tenants")
            await app.execute("insert into tenant_directory values ($1, 'Acme', $2)", company.tenant_id, status)

    async def age(self, company: Company, by: timedelta) -> None:
        """Makes the invoice's attempts older by this duration."""
        async with connected(self.billing.where.owner) as owner, owner.transaction():
            await owner.execute("select set_config('app.tenants', $1, true)", str(company.tenant_id))
            await owner.execute("update payment_attempts set created_at = created_at - $1::interval", by)

    @asynccontextmanager
    async def provider_away(self) -> AsyncIterator[None]:
        """For jobs that start meanwhile: their provider's address has no listener."""
        here = os.environ[PAYMENTS_URL]
        os.environ[PAYMENTS_URL] = f"http://{LOOPBACK}:{free_ports(1)[0]}"
        try:
            yield
        finally:
            os.environ[PAYMENTS_URL] = here

    async def _start(self, failpoints: str, *, lease_seconds: float) -> Child:
        environment = {
            **os.environ,
            points.VARIABLE: failpoints,
            charges_process.DSN: self.billing.where.app,
            charges_process.LEASE_SECONDS: str(lease_seconds),
            charges_process.CLOCK_FILE: str(self._clock_file),
        }
        log = self.folder / f"jobs-{len(self.processes)}.log"
        process = ForkedProgram("tests.faults.charges_process", log=log, environment=environment)
        self.processes.append(process)
        await process.start()
        return process

    async def _all_delivered(self) -> bool:
        events = (await self.billing.payments.get("/v1/events")).json()["data"]
        return bool(events) and all(event["delivered_at"] for event in events)


@asynccontextmanager
async def charges_rig(billing: BillingService, folder: Path, webhook_port: int) -> AsyncIterator[ChargesRig]:
    rig = ChargesRig(billing=billing, folder=folder, webhook_port=webhook_port)
    try:
        yield rig
    finally:
        for process in rig.processes:
            await process.kill()


def webhook_url(port: int) -> str:
    return f"http://{LOOPBACK}:{port}/webhooks/payments"
