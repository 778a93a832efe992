"""A wait for another process needs a limit on this side: a connection may swallow packets. Each
module that opens a client is listed here, with what limits its waits.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIMITS = {
    "services/billing/adapters/provider.py": "one limit for a whole request",
    "services/billing/live/topics.py": "one limit for all requests",
    "services/billing/live/topology.py": "Faust's; the view exits if the application does not stop in time",
    "services/notifications/adapters/smtp.py": "one limit for a whole delivery",
    "services/notifications/adapters/webhook_sender.py": "limits for the look-up, the request to the head, and the body",
    "shared/waypost/cli/dev/demo.py": "of httpx, for each read; a person waits",
    "shared/waypost/cli/trace/viewer.py": "of httpx, for each read; a person waits",
    "shared/waypost/hosting/api.py": "the published keys limit each whole request",
    "shared/waypost/kafka/access.py": "one limit for all requests",
    "shared/waypost/kafka/catalog.py": "one limit for each request",
    "shared/waypost/kafka/consumer.py": "each call has a limit; a poll ends at its time-out",
    "shared/waypost/kafka/groups.py": "one limit for all requests",
    "shared/waypost/kafka/producer.py": "each start, append and acknowledgement has a limit",
    "shared/waypost/kafka/topic_creation.py": "one limit for all requests",
    "shared/waypost/kafka/topic_log.py": "one limit for each request",
    "shared/waypost/native/postgres/replication.py": "of asyncpg, for each connection; of a development stack",
    "shared/waypost/native/postgres/tls_front.py": "of a connection attempt; then the session's own",
    "shared/waypost/native/postgres/server.py": "of asyncpg, for each connection; of a development stack",
    "shared/waypost/native/probes.py": "one limit for a probe",
    "shared/waypost/postgres/database.py": "a limit for each command, and for the wait for a connection",
    "shared/waypost/postgres/direct.py": "a limit for each command",
    "shared/waypost/postgres/hosts.py": "one limit for a connection attempt, then keepalive packets",
    "shared/waypost/postgres/migrate.py": "the locks' own, and keepalive packets: a migration may take long",
    "shared/waypost/postgres/provisioning/databases.py": "one limit for a connection attempt; a person waits",
    "shared/waypost/postgres/read_session.py": "a limit for each command",
    "shared/waypost/schemas/registry.py": "of httpx, for each read; a person waits",
}
CLIENTS = {
    *("AIOKafkaAdminClient", "AIOKafkaConsumer", "AIOKafkaProducer", "_Client", "faust.App"),
    *("asyncpg.connect", "create_async_engine", "asyncio.open_connection"),
    *("httpx.AsyncClient", "httpx.AsyncHTTPTransport", "httpx.Client", "aiosmtplib.send"),
}


SESSIONS = "waypost.postgres.hosts"
"""A module that imports it opens sessions of PostgreSQL."""


def opens_client(path: Path) -> bool:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    calls = {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}
    return bool(calls & CLIENTS) or any(isinstance(node, ast.ImportFrom) and node.module == SESSIONS for node in nodes)


def test_each_module_that_opens_a_client_names_its_time_limit() -> None:
    product = (path for room in ("shared", "services") for path in (ROOT / room).rglob("*.py"))
    found = {
        path.relative_to(ROOT).as_posix() for path in product if "testing" not in path.parts and opens_client(path)
    }
    assert found == set(LIMITS)
