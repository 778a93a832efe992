"""Set-up of the relay's benchmark: a database server, a broker, and a full outbox."""

import asyncio
import json
import os
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from infra.postgres.connections import MAX_CONNECTIONS
from waypost.kernel.partitioner import shard_for
from waypost.native.kafka import Kafka
from waypost.native.ports import free_ports
from waypost.native.postgres import Postgres
from waypost.ports.broker import OutgoingRecord
from waypost.postgres.migrate import migrate_toolkit
from waypost.postgres.provisioning.databases import ServiceDatabase, ensure_database, service_database
from waypost.postgres.provisioning.roles import DatabaseRole, ensure_roles
from waypost.testing.folders import scratch_folder

TOPIC = "users.user"
PARTITIONS = 8
PAYLOAD = os.urandom(200) + bytes(200)
HEADERS = {
    "content-type": "application/avro",
    "ce_specversion": "1.0",
    "ce_id": str(uuid4()),
    "ce_source": "/services/users",
    "ce_type": "user.created",
    "ce_time": "2026-01-01T00:00:00.000000Z",
    "ce_subject": str(uuid4()),
    "ce_sequence": "1",
    "ce_tenantid": str(uuid4()),
    "ce_correlationid": str(uuid4()),
    "ce_causationid": str(uuid4()),
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
}
"""The number of headers of an event of this project."""
HEADERS_AS_JSON = json.dumps(HEADERS)

_FILL = """
insert into outbox (shard, event_id, tenant_id, topic, key, payload, headers, created_at)
select shard, gen_random_uuid(), gen_random_uuid(), $3, key, $4, $5::json, now()
from unnest($1::smallint[], $2::bytea[]) as row (shard, key)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    bootstrap: str
    database: ServiceDatabase
    admin_dsn: str
    """DSN of the superuser, on the service's database."""

    async def fill_outbox(self, rows: int) -> None:
        keys = [str(uuid4()).encode() for _ in range(rows)]
        admin = await asyncpg.connect(self.admin_dsn)
        await admin.execute(_FILL, [shard_for(key) for key in keys], keys, TOPIC, PAYLOAD, HEADERS_AS_JSON)
        await admin.execute("vacuum analyze outbox")
        await admin.execute("checkpoint")
        await admin.close()

    async def until_drained(self) -> None:
        admin = await asyncpg.connect(self.admin_dsn)
        while await admin.fetchval("select exists (select from outbox)"):  # noqa: ASYNC110 - the server does not notify of an empty outbox
            await asyncio.sleep(0.02)
        await admin.close()


def records(count: int) -> Sequence[OutgoingRecord]:
    headers = [(name, value.encode()) for name, value in HEADERS.items()]
    now = int(datetime.now(UTC).timestamp() * 1000)
    keys = [str(uuid4()).encode() for _ in range(count)]
    return [OutgoingRecord(TOPIC, shard_for(key), key, PAYLOAD, headers, now) for key in keys]


@asynccontextmanager
async def running_parts() -> AsyncIterator[Parts]:
    with scratch_folder() as folder:
        kafka_port, controller_port, postgres_port = free_ports(3)
        kafka = Kafka(folder / "kafka", port=kafka_port, controller_port=controller_port)
        password = secrets.token_urlsafe(16)
        postgres = Postgres(folder / "postgres", port=postgres_port, password=password, max_connections=MAX_CONNECTIONS)
        try:
            await kafka.start()
            await postgres.start()
            await _create_topic(kafka.bootstrap)
            database = await _create_database(postgres.admin_dsn)
            admin_dsn = postgres.admin_dsn.removesuffix("/postgres") + f"/{database.name}"
            yield Parts(bootstrap=kafka.bootstrap, database=database, admin_dsn=admin_dsn)
        finally:
            await kafka.stop()
            await postgres.stop()


async def _create_topic(bootstrap: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])
    await admin.close()


async def _create_database(admin_dsn: str) -> ServiceDatabase:
    admin = await asyncpg.connect(admin_dsn)
    passwords = {role: secrets.token_urlsafe(16) for role in DatabaseRole}
    await ensure_roles(admin, "users", passwords)
    await ensure_database(admin, "users", "users")
    await admin.close()
    database = service_database(admin_dsn, "users", "users", passwords)
    await migrate_toolkit("users", database.owner)
    return database
