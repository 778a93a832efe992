"""Runs a whole service in the test's process, with the composition of its real processes
(`waypost.hosting`).
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import httpx
from aiokafka import AIOKafkaProducer
from fastapi import FastAPI
from pydantic import SecretStr

from waypost.engine.bus import Bus
from waypost.engine.process import Lifecycle
from waypost.hosting.api import api_app, operators_database
from waypost.hosting.jobs import job_scheduler, job_worker
from waypost.hosting.runtime import Runtime, build_runtime
from waypost.hosting.service import Service
from waypost.hosting.settings import ApiSettings, WorkerSettings
from waypost.hosting.worker import consumer_group, outbox_relay
from waypost.jobs.schedule import Scheduler
from waypost.jobs.worker import JobWorkerSettings
from waypost.kafka.topic_creation import ensure_topics
from waypost.kernel.clock import Clock
from waypost.kernel.cloudevents import from_headers
from waypost.kernel.command import Command
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId
from waypost.kernel.tenant import bound_tenants
from waypost.native.ports import LOOPBACK
from waypost.ports.consumers import Consumer
from waypost.ports.unit_of_work import UnitOfWork
from waypost.postgres.person_keys import readable_envelopes
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.clock import MovableClock
from waypost.testing.database import connected
from waypost.testing.delivery import Delivery
from waypost.testing.envelopes import record_of
from waypost.testing.eventually import eventually
from waypost.testing.hosted_tables import HostedTables
from waypost.testing.http import client_of
from waypost.testing.tokens import SIGNING_KEY
from waypost.web.keys import LocalKeys
from waypost.web.probes import Readiness

R = TypeVar("R")

NO_BROKER = f"{LOOPBACK}:1"
IDEMPOTENCY_SECRET = "a secret that stays the same"  # noqa: S105 - only for tests
QUICK = JobWorkerSettings(poll_seconds=0.1)


class HostedService(HostedTables):
    """One database, pool and clock for a service's API, consumers, relay and jobs. A test starts
    the parts that it needs.

    Access tokens come from `waypost.testing.tokens`, unless the service signs tokens itself
    (`Service.token_keys`).
    """

    def __init__(
        self, service: Service, where: ServiceDatabase, *, bootstrap: str = NO_BROKER, clock: MovableClock | None = None
    ) -> None:
        """The caller closes the host. No broker listens at the default of `bootstrap`; tests of
        parts that do not use Kafka need none.
        """
        if service.token_keys is None:
            service = replace(service, token_keys=lambda _opened: LocalKeys(SIGNING_KEY))
        self.service = service
        self.clock = clock or MovableClock()
        self.runtime = build_runtime(service, "test", dsn=where.app, pool_size=8, clock=self.clock)
        super().__init__(where, self.runtime.database)
        self._bootstrap = bootstrap
        self.rate_limiting = True
        """Set to False before `app` for a test that sends more requests than a limit admits."""

    @property
    def bus(self) -> Bus:
        return self.runtime.bus

    async def close(self) -> None:
        await self.database.close()

    def app(self) -> FastAPI:
        """The API application of the service; its lifespan opens the resources."""
        settings = ApiSettings(
            service_port=1,
            management_address="public",
            app_dsn=self.where.app,
            ops_dsn=self.where.ops,
            kafka_bootstrap=self._bootstrap,
            idempotency_secret=SecretStr(IDEMPOTENCY_SECRET),
            rate_limiting=self.rate_limiting,
        )
        readiness = Readiness(checks={"postgres": self.runtime.database.verify})
        ops = operators_database(self.service, settings)
        return api_app(self.service, settings, self.runtime, ops=ops, readiness=readiness)

    def api(self, *, raise_errors: bool = True) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        """An HTTP client of the API. With `raise_errors=False` an unexpected error is answered with
        500, as in the API process.
        """
        return client_of(self.app(), base_url=f"http://{self.service.name}", raise_errors=raise_errors)

    async def handle(self, command: Command[R], tenant_id: UUID) -> R:
        """Runs the command for a tenant and returns the handler's result."""
        with bound_tenants([TenantId(tenant_id)]):
            return await self.runtime.bus.handle(command)

    @asynccontextmanager
    async def unit_of_work(self, tenant_id: UUID) -> AsyncIterator[UnitOfWork]:
        """A unit of work of a tenant; commits at the end of the block."""
        with bound_tenants([TenantId(tenant_id)]):
            async with self.runtime.units.begin() as uow:
                yield uow

    # Events

    async def deliver(self, *envelopes: Envelope[Any], to: str | None = None, repeat: bool = False) -> None:
        """Delivers events without Kafka to every consumer, or to the consumer `to`. Skips an event
        that was delivered before.

        With `repeat`, delivers such an event to the handlers again, as `waypost replay --again`
        does. Raises the error of a handler.
        """
        for consumer in self.service.consumers if to is None else [self._consumer(to)]:
            await Delivery(self.service, self.runtime, consumer).deliver(envelopes, repeat=repeat)

    async def published(self, tenant_id: UUID) -> Sequence[Envelope[Event]]:
        """The tenant's envelopes in the outbox, in order, with readable personal data and without
        the keys of people. A running relay empties the outbox; read the topic then.
        """
        query = "select payload, headers::text from outbox where tenant_id = $1 order by id"
        async with connected(self.where.relay) as relay:
            rows = await relay.fetch(query, tenant_id)
        envelopes = [self._envelope(row["payload"], json.loads(row["headers"])) for row in rows]
        publishes = self.service.person_keys.publishes if self.service.person_keys else None
        events = [each for each in envelopes if publishes is None or each.event.topic != publishes.created.topic]
        async with self.database.transaction([TenantId(tenant_id)]) as connection:
            readable = await readable_envelopes(connection, events, self.runtime.path.person_keys)
        return [envelope for envelope in readable if envelope is not None]

    async def publish(self, *envelopes: Envelope[Any]) -> None:
        """Publishes events to their topics, as their services do."""
        async with AIOKafkaProducer(bootstrap_servers=self._bootstrap) as producer:
            for envelope in envelopes:
                record = record_of(envelope, self.service.codec)
                await producer.send_and_wait(record.topic, record.value, key=record.key, headers=list(record.headers))

    def consuming(self, name: str) -> AbstractAsyncContextManager[None]:
        """Runs the consumer on the topics of the broker inside the block."""
        return running(consumer_group(self.service, self._consumer(name), self._worker_settings, self.runtime))

    def relaying(self) -> AbstractAsyncContextManager[None]:
        """Runs the outbox relay inside the block."""
        return running(outbox_relay(self.service, self._worker_settings, self.runtime))

    # Jobs

    def scheduler(self, *, clock: Clock | None = None) -> Scheduler:
        """The job scheduler, with the service's clock or the given one."""
        return job_scheduler(self.service, self._with_clock(clock))

    def working(
        self, settings: JobWorkerSettings = QUICK, *, clock: Clock | None = None
    ) -> AbstractAsyncContextManager[None]:
        """Runs the job worker inside the block, with the service's clock or the given one."""
        return running(job_worker(self.service, self._with_clock(clock), settings), drain_seconds=0)

    async def run_jobs(self, tenant_id: UUID, *, deadline_seconds: float = 20) -> None:
        """Runs the job worker until the tenant has no jobs left. Raises AssertionError with the
        rest at the deadline.
        """

        async def is_idle() -> bool:
            left = await self.rows(tenant_id, "select name, status, attempts, outages, run_at, error from jobs")
            if left:
                raise AssertionError(f"jobs are left after {deadline_seconds:g} s: {left}")
            return True

        async with self.working():
            await eventually(is_idle, deadline_seconds=deadline_seconds)

    async def pass_time(self, by: timedelta) -> None:
        """Moves the clock forward, and makes all jobs older by as much: jobs are due by the clock
        of the database, which cannot be moved.
        """
        self.clock.move(by)
        async with connected(self.where.owner) as owner:
            await owner.execute("update jobs set enqueued_at = enqueued_at - $1::interval, run_at = run_at - $1", by)

    def _with_clock(self, clock: Clock | None) -> Runtime:
        return self.runtime if clock is None else replace(self.runtime, clock=clock)

    def _consumer(self, name: str) -> Consumer:
        known = {consumer.name: consumer for consumer in self.service.consumers}
        if name not in known:
            raise LookupError(f"{self.service.name} has no consumer {name!r}; it has {', '.join(sorted(known))}")
        return known[name]

    @property
    def _worker_settings(self) -> WorkerSettings:
        return WorkerSettings(
            service_port=1, app_dsn=self.where.app, relay_dsn=self.where.relay, kafka_bootstrap=self._bootstrap
        )

    def _envelope(self, payload: bytes, headers: Mapping[str, str]) -> Envelope[Event]:
        attributes = from_headers([(name, value.encode()) for name, value in headers.items()])
        return attributes.around(self.service.codec.decode(attributes.event_type, payload))


Host = Callable[[Service], Awaitable[HostedService]]


@asynccontextmanager
async def hosted(
    service: Service, where: ServiceDatabase, *, bootstrap: str | None = None, clock: MovableClock | None = None
) -> AsyncIterator[HostedService]:
    """Hosts a service inside the block. Creates missing topics on the broker."""
    if bootstrap is not None:
        await ensure_topics(bootstrap, service.topics)
    service_under_test = HostedService(service, where, bootstrap=bootstrap or NO_BROKER, clock=clock)
    try:
        yield service_under_test
    finally:
        await service_under_test.close()


@asynccontextmanager
async def running(part: Lifecycle, *, drain_seconds: float = 5) -> AsyncIterator[None]:
    """Starts the part, and drains and stops it at the end of the block."""
    await part.start()
    try:
        yield
    finally:
        await part.drain(drain_seconds)
        await part.stop()
