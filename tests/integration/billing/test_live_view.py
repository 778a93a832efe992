"""From a paid invoice to a total over HTTP: relay, live view and async projection, each in its own
process.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from infra.stack.places import inherited
from schemas.billing import InvoicePaid
from tests.fixtures.forked import ForkedProgram
from tests.integration.billing.service import Company
from waypost.kafka.topic_creation import ensure_topics
from waypost.native.child import Child
from waypost.native.kafka import Kafka
from waypost.native.ports import free_ports
from waypost.schemas.topics import declared_topics
from waypost.testing.eventually import eventually
from waypost.testing.topics import read_topic

# The deadlines of its steps add up to more than the default limit.
pytestmark = pytest.mark.timeout(150)


async def test_the_live_totals_equal_the_invoices(company: Company, own_kafka: Kafka, tmp_path: Path) -> None:
    await ensure_topics(own_kafka.bootstrap, declared_topics())
    stranger = await company.billing.company()
    await stranger.attach_card()
    async with processes(company, own_kafka, tmp_path) as running:
        await company.paid(1_000)
        await eventually(lambda: live_agrees(company), deadline_seconds=45)

        await running["live"].kill()
        await company.paid(20_000)
        await stranger.paid(7)
        await say_everything_again(own_kafka)
        await running["live"].start()
        await eventually(lambda: live_agrees(company), deadline_seconds=45)
        await eventually(lambda: live_agrees(stranger), deadline_seconds=10)

        for process in running.values():
            await process.stop()
        assert [process.exit_code for process in running.values()] == [0, 0]


@asynccontextmanager
async def processes(company: Company, kafka: Kafka, folder: Path) -> AsyncIterator[dict[str, Child]]:
    where = company.billing.where
    dsns = {"WAYPOST_APP_DSN": where.app, "WAYPOST_RELAY_DSN": where.relay}
    running: dict[str, Child] = {}
    try:
        for role, more in (("worker", dsns), ("live", {})):
            (port,) = free_ports(1)
            own = {"WAYPOST_KAFKA_BOOTSTRAP": kafka.bootstrap, "WAYPOST_SERVICE_PORT": str(port)}
            environment = {**inherited(), **own, **more, "OTEL_TRACES_EXPORTER": "none"}
            running[role] = ForkedProgram("services.billing", role, log=folder / f"{role}.log", environment=environment)
            await running[role].start()
        yield running
    finally:
        for process in running.values():
            await process.kill()


async def live_agrees(company: Company) -> bool:
    """For each window length, the sums over all windows equal the sums over all invoices."""
    (paid,) = await company.rows("select sum(amount_paid_minor)::bigint as minor, count(*) as n from invoices")
    for window in ("minute", "hour", "day"):
        rows = (await company.get("/revenue/live", window=window))["data"]
        assert sum(row["paid_minor"] for row in rows) == paid["minor"]
        assert sum(row["paid_count"] for row in rows) == paid["n"]
    return True


async def say_everything_again(kafka: Kafka) -> None:
    """Publishes rows again, like a relay that ended before it recorded its progress."""
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        for record in await read_topic(kafka.bootstrap, InvoicePaid.topic):
            await producer.send_and_wait(record.topic, record.value, key=record.key, headers=list(record.headers))
