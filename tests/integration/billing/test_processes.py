"""The service's processes with a real broker, and a provider that sends by webhook what it did not
answer.
"""

import asyncio
import csv
import io
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from aiokafka import AIOKafkaProducer

from infra.stack.places import inherited
from schemas.users import UserCreated
from tests.fixtures.processes import running
from tests.integration.infra.payments import charges, provider
from tests.integration.infra.webhooks import SECRET
from waypost.kafka.topic_creation import ensure_topics
from waypost.kernel.cause import current_cause
from waypost.kernel.clock import SystemClock
from waypost.kernel.cloudevents import to_headers, to_metadata
from waypost.kernel.envelope import Envelope
from waypost.kernel.ids import EventId, TenantId, new_id
from waypost.kernel.role import Role
from waypost.native.ports import LOOPBACK, free_ports
from waypost.schemas.application import application_codec
from waypost.schemas.topics import declared_topics
from waypost.testing.database import Databases, connected
from waypost.testing.eventually import eventually
from waypost.testing.http import caller
from waypost.testing.kafka import Broker
from waypost.testing.tokens import bearer, published_keys
from waypost.web.principal import Principal

ADDRESS = "ada@example.com"
CARDS = ("pm_card_visa", "pm_card_timeout_after_charge")


async def test_all_processes_bill_a_user_and_exit_cleanly(
    database: Databases, own_kafka: Broker, tmp_path: Path
) -> None:
    await ensure_topics(own_kafka.bootstrap, declared_topics())
    where = await database("billing")
    ports = dict(zip(("api", "worker", "jobs"), free_ports(3), strict=True))
    api = f"http://{LOOPBACK}:{ports['api']}"
    environment = {
        **inherited(),
        "WAYPOST_APP_DSN": where.app,
        "WAYPOST_OPS_DSN": where.ops,
        "WAYPOST_RELAY_DSN": where.relay,
        "WAYPOST_KAFKA_BOOTSTRAP": own_kafka.bootstrap,
        "WAYPOST_IDEMPOTENCY_SECRET": "a secret that stays the same",
        "WAYPOST_PAYMENTS_WEBHOOK_SECRET": SECRET,
        "WAYPOST_PAYMENTS_TIMEOUT_SECONDS": "3",
        "OTEL_TRACES_EXPORTER": "none",
    }
    owner = Principal(user_id=new_id(), tenant_id=TenantId(new_id()), role=Role.OWNER)
    hooks = {"payments_webhook_url": f"{api}/webhooks/payments", "payments_webhook_secret": SECRET}
    async with AsyncExitStack() as stack:
        payments = await stack.enter_async_context(provider(tmp_path, **hooks))
        environment["WAYPOST_PAYMENTS_URL"] = str(payments.base_url)
        environment["WAYPOST_JWKS_URL"] = await stack.enter_async_context(published_keys())
        processes = await stack.enter_async_context(running("billing", ports, environment, tmp_path, forked=False))
        http = await stack.enter_async_context(caller(api))
        http.headers.update(bearer(owner))

        await publish(own_kafka, user_created(owner))
        customer = f"/customers/{owner.user_id}"
        await eventually(lambda: is_there(http, customer), deadline_seconds=30)
        # The second card's charge is never answered: the webhook or a look-up settles it.
        for card in CARDS:
            await posted(http, f"{customer}/payment-methods", {"token": card})
            invoice_id = await finalized(http, owner.user_id)
            await eventually(partial(is_paid, http, f"/invoices/{invoice_id}"), deadline_seconds=20)
            assert len(await charges(payments, f"inv-{invoice_id}")) == 1
        await eventually(lambda: all_delivered(payments))
        assert await paid_minor(http) == len(CARDS) * 24_690
        async with connected(where.relay) as relay:
            await eventually(lambda: drained(relay), deadline_seconds=20)

        await asyncio.gather(*(process.stop() for process in processes))
        assert [process.exit_code for process in processes] == [0, 0, 0]
    logs = "".join((tmp_path / f"{role}.log").read_text() for role in ports)
    assert "http_request" in logs
    for secret in (ADDRESS, SECRET, *CARDS):
        assert secret not in logs, secret


async def finalized(http: httpx.AsyncClient, customer_id: UUID) -> str:
    draft = await posted(http, "/invoices", {"customer_id": str(customer_id), "currency": "EUR"})
    path = f"/invoices/{draft['id']}"
    await posted(http, f"{path}/lines", {"description": "Loom", "quantity": 2, "unit_amount_minor": 12_345})
    await posted(http, f"{path}/finalize", {})
    return str(draft["id"])


async def posted(http: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await http.post(path, json=body)
    assert answer.is_success, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def is_there(http: httpx.AsyncClient, path: str) -> bool:
    return (await http.get(path)).is_success


async def is_paid(http: httpx.AsyncClient, path: str) -> bool:
    return bool((await http.get(path)).json()["status"] == "paid")


async def paid_minor(http: httpx.AsyncClient) -> int:
    """Requests a report about these days, which may be in two months."""
    now, day = SystemClock().now(), timedelta(days=1)
    period = {"from": (now - day).isoformat(), "to": (now + day).isoformat()}
    job = f"/jobs/{(await posted(http, '/reports', {'kind': 'revenue', 'format': 'csv', **period}))['job_id']}"

    async def ready() -> str:
        shown = (await http.get(job)).json()
        assert shown["status"] == "complete", shown
        return str(shown["result"]["download"])

    answer = await http.get(await eventually(ready, deadline_seconds=20))
    return sum(int(line["paid_minor"]) for line in csv.DictReader(io.StringIO(answer.text)))


async def all_delivered(payments: httpx.AsyncClient) -> bool:
    """Whether each webhook was answered with a 2xx status."""
    events = (await payments.get("/v1/events")).json()["data"]
    return len(events) == len(CARDS) and all(event["delivered_at"] for event in events)


async def drained(relay: Any) -> bool:
    return bool(await relay.fetchval("select count(*) = 0 from outbox"))


def user_created(who: Principal) -> Envelope[UserCreated]:
    now = SystemClock().now()
    event = UserCreated(
        tenant_id=who.tenant_id,
        user_id=who.user_id,
        email=ADDRESS,
        display_name="Ada Lovelace",
        role=who.role,
        locale="en",
        created_at=now,
    )
    return Envelope(
        event=event,
        event_id=EventId(new_id()),
        tenant_id=who.tenant_id,
        aggregate_id=who.user_id,
        aggregate_version=1,
        occurred_at=now,
        source="/services/users",
        cause=current_cause(),
    )


async def publish(kafka: Broker, happened: Envelope[UserCreated]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        headers = list(to_headers(to_metadata(happened)))
        value = application_codec().encode(happened.event).payload
        await producer.send_and_wait(
            happened.event.topic, value, key=str(happened.aggregate_id).encode(), headers=headers
        )
