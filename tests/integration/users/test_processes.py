"""The service's processes: `python -m services.users api|worker|jobs`, on a real database and a
real broker.
"""

from pathlib import Path
from uuid import UUID

import httpx
from aiokafka import AIOKafkaProducer

from infra.stack.keys import Keys
from infra.stack.places import inherited
from schemas.billing import CustomerInvoiceWrittenOff
from services.users.handlers import CONSUMERS
from tests.fixtures.processes import running
from tests.integration.users.service import PASSWORD
from tests.integration.users.test_dunning import received, written_off_invoice
from waypost.kafka.topic_creation import ensure_topics
from waypost.kernel.cloudevents import to_headers, to_metadata
from waypost.native.ports import LOOPBACK, free_ports
from waypost.schemas.application import application_codec
from waypost.schemas.topics import declared_topics
from waypost.testing.database import Databases, connected
from waypost.testing.eventually import eventually
from waypost.testing.http import caller
from waypost.testing.kafka import Broker

TAKEN_IN_LONG_AGO = """
insert into processed_messages (consumer, event_id, tenant_id, topic, partition, kafka_offset, processed_at)
values ('users.long_ago', gen_random_uuid(), gen_random_uuid(), 'users.user', 0, 0, now() - interval '90 days')"""


async def test_all_processes_run_suspend_a_debtor_and_exit_cleanly(
    database: Databases, own_kafka: Broker, keys: Keys, tmp_path: Path
) -> None:
    await ensure_topics(own_kafka.bootstrap, declared_topics())
    where = await database("users")
    environment = {
        **inherited(),
        "WAYPOST_APP_DSN": where.app,
        "WAYPOST_OPS_DSN": where.ops,
        "WAYPOST_RELAY_DSN": where.relay,
        "WAYPOST_KAFKA_BOOTSTRAP": own_kafka.bootstrap,
        "WAYPOST_KEYS_DIRECTORY": str(keys.of("users")),
        "WAYPOST_IDEMPOTENCY_SECRET": keys.secrets.idempotency,
        "OTEL_TRACES_EXPORTER": "none",
    }
    async with connected(where.app) as app:
        await app.execute(TAKEN_IN_LONG_AGO)
    ports = dict(zip(("api", "worker", "jobs"), free_ports(3), strict=True))
    async with (
        running("users", ports, environment, tmp_path, forked=False) as processes,
        caller(f"http://{LOOPBACK}:{ports['api']}") as http,
    ):
        owner = {"email": "grace@example.com", "password": PASSWORD, "display_name": "Grace Hopper"}
        tenant = {"name": "Engines", "owner": owner, "join_policy": {"mode": "open"}}
        made = (await http.post("/tenants", json=tenant)).json()
        sign_in = {"tenant_id": made["tenant_id"], "email": "grace@example.com", "password": PASSWORD}
        signed_in = (await http.post("/login", json=sign_in)).json()

        async with connected(where.app) as app:
            # Through outbox, relay, topic and consumer, to this service's own tenant directory.
            tenants = "select name from tenants.tenant_directory"
            await eventually(lambda: app.fetchval(tenants), deadline_seconds=30)
            consumers = "select array_agg(consumer order by consumer) from declared_consumers"
            declared = [f"users.{consumer.name}" for consumer in CONSUMERS]
            assert await eventually(lambda: app.fetchval(consumers)) == sorted(declared)
            forgotten = "select not exists (select from processed_messages where consumer = 'users.long_ago')"
            assert await eventually(lambda: app.fetchval(forgotten))

        member = {"tenant_id": made["tenant_id"], "email": "ada@example.com", "password": PASSWORD}
        joined = await http.post("/signup", json=member | {"display_name": "Ada Lovelace"})
        await publish(own_kafka, written_off_invoice(UUID(made["tenant_id"]), UUID(joined.json()["id"])))
        headers = {"authorization": f"Bearer {signed_in['access_token']}"}
        await eventually(lambda: is_suspended(http, f"/users/{joined.json()['id']}", headers), deadline_seconds=30)
        assert (await http.post("/login", json=sign_in)).status_code == 200

        for process in processes:
            await process.stop()
        assert [process.exit_code for process in processes] == [0, 0, 0]
    logs = "".join((tmp_path / f"{role}.log").read_text() for role in ports)
    assert "http_request" in logs
    assert "grace@example.com" not in logs


async def is_suspended(http: httpx.AsyncClient, path: str, headers: dict[str, str]) -> bool:
    answer = await http.get(path, headers=headers)
    return answer.status_code == 200 and answer.json()["status"] == "suspended"


async def publish(kafka: Broker, event: CustomerInvoiceWrittenOff) -> None:
    key = str(event.customer_id).encode()
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        headers = list(to_headers(to_metadata(received(event, version=1))))
        await producer.send_and_wait(event.topic, application_codec().encode(event).payload, key=key, headers=headers)
