"""A process that is asked to stop ends in time, although its database does not answer."""

import asyncio
import signal
from pathlib import Path

from infra.stack.keys import load_or_make_keys
from infra.stack.places import inherited
from tests.fixtures.processes import running
from waypost.kafka.topic_creation import ensure_topics
from waypost.native.child import Child
from waypost.native.ports import free_ports
from waypost.schemas.topics import declared_topics
from waypost.testing.database import Databases, Templates, connected
from waypost.testing.postgres import DatabaseServer

GRACE_SECONDS = 20
"""The time that `docker-compose.yml` grants before it kills a process."""


async def test_processes_stop_in_time_while_the_database_is_frozen(
    own_postgres: DatabaseServer, kafka: str, tmp_path: Path
) -> None:
    await ensure_topics(kafka, declared_topics())
    async with connected(own_postgres.admin_dsn) as admin:
        where = await Databases(Templates(admin, own_postgres.admin_dsn))("users")
    keys = load_or_make_keys(tmp_path)
    environment = {
        **inherited(),
        "WAYPOST_APP_DSN": where.app,
        "WAYPOST_OPS_DSN": where.ops,
        "WAYPOST_RELAY_DSN": where.relay,
        "WAYPOST_KAFKA_BOOTSTRAP": kafka,
        "WAYPOST_KEYS_DIRECTORY": str(keys.of("users")),
        "WAYPOST_IDEMPOTENCY_SECRET": keys.secrets.idempotency,
        "OTEL_TRACES_EXPORTER": "none",
    }
    ports = dict(zip(("api", "worker", "jobs"), free_ports(3), strict=True))
    async with running("users", ports, environment, tmp_path) as processes:
        own_postgres.pause()
        try:
            await asyncio.gather(*map(stop_in_time, processes))
        finally:
            own_postgres.resume()


async def stop_in_time(process: Child) -> None:
    process.send(signal.SIGTERM)
    async with asyncio.timeout(GRACE_SECONDS):
        await process.wait()
