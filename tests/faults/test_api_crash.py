"""An API that is killed around its commit: nothing or all of it is stored, and a repeated request
resolves the doubt (rows 1 to 4 of the fault matrix).
"""

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from infra.stack.keys import load_or_make_keys
from infra.stack.places import inherited
from tests.fixtures.processes import running
from tests.integration.users.service import PASSWORD
from waypost.engine.failpoints import VARIABLE
from waypost.native.ports import LOOPBACK, free_ports
from waypost.testing.database import Databases, connected
from waypost.testing.http import caller

OWNER = {"email": "grace@example.com", "password": PASSWORD, "display_name": "Grace Hopper"}
BODY = {"name": "Engines", "owner": OWNER}
KEY = {"Idempotency-Key": "the-same-on-every-try"}


@pytest.mark.parametrize(
    ("point", "committed"),
    [
        ("request.before_begin", 0),
        ("write.after_events", 0),
        ("wakeups.before_send", 4),
        ("request.after_commit", 4),
    ],
)
async def test_killed_at(database: Databases, tmp_path: Path, point: str, committed: int) -> None:
    where, keys = await database("users"), load_or_make_keys(tmp_path / "keys")
    (port,) = free_ports(1)
    environment: Mapping[str, str] = {
        **inherited(),
        "WAYPOST_APP_DSN": where.app,
        "WAYPOST_OPS_DSN": where.ops,
        "WAYPOST_KAFKA_BOOTSTRAP": f"{LOOPBACK}:1",
        "WAYPOST_KEYS_DIRECTORY": str(keys.of("users")),
        "WAYPOST_IDEMPOTENCY_SECRET": keys.secrets.idempotency,
        "OTEL_TRACES_EXPORTER": "none",
    }
    async with caller(f"http://{LOOPBACK}:{port}") as http, connected(where.owner) as owner:
        async with running("users", {"api": port}, {**environment, VARIABLE: f"{point}=kill"}, tmp_path) as [api]:
            with pytest.raises(httpx.TransportError):
                await http.post("/tenants", json=BODY, headers=KEY)
            async with asyncio.timeout(20):
                assert await api.wait() == -signal.SIGKILL
        assert await owner.fetchval("select count(*) from outbox") == committed

        async with running("users", {"api": port}, environment, tmp_path):
            again = await http.post("/tenants", json=BODY, headers=KEY)
        assert (again.status_code, again.headers.get("Idempotent-Replayed")) == (201, "true" if committed else None)
        assert await owner.fetchval("select count(*) from outbox") == 4
