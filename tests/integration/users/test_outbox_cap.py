"""While nothing is published the outbox grows to its cap. At the cap, writes are refused with a
time to retry.
"""

from pathlib import Path

import httpx

from infra.stack.keys import Keys
from infra.stack.places import inherited
from tests.fixtures.processes import running
from tests.integration.users.service import PASSWORD
from waypost.kernel.ids import new_id
from waypost.native.ports import LOOPBACK, free_ports
from waypost.testing.database import Databases, connected
from waypost.testing.eventually import eventually
from waypost.testing.http import caller

CAP = 6


async def test_at_the_cap_a_write_is_refused_until_rows_are_published(
    database: Databases, keys: Keys, tmp_path: Path
) -> None:
    where = await database("users")
    environment = {
        **inherited(),
        "WAYPOST_APP_DSN": where.app,
        "WAYPOST_OPS_DSN": where.ops,
        "WAYPOST_KAFKA_BOOTSTRAP": f"{LOOPBACK}:1",
        "WAYPOST_OUTBOX_CAP_ROWS": str(CAP),
        "WAYPOST_KEYS_DIRECTORY": str(keys.of("users")),
        "WAYPOST_IDEMPOTENCY_SECRET": keys.secrets.idempotency,
        "OTEL_TRACES_EXPORTER": "none",
    }
    (port,) = free_ports(1)
    async with (
        running("users", {"api": port}, environment, tmp_path),
        caller(f"http://{LOOPBACK}:{port}") as http,
        connected(where.owner) as owner,
    ):
        await eventually(lambda: _is_refused(http))
        refused = await _open_tenant(http, key := str(new_id()))
        assert refused.headers["retry-after"] == "5"
        assert "which is this service's limit" in refused.json()["detail"]

        known = await owner.fetchval("select count(*) from outbox")
        assert known >= CAP
        again = await _open_tenant(http, key)
        assert again.status_code == 503
        assert await owner.fetchval("select count(*) from outbox") == known
        assert (await http.get("/.well-known/jwks.json")).is_success  # reads continue

        await owner.execute("delete from outbox")
        await eventually(lambda: _is_taken(http, key))


async def _open_tenant(http: httpx.AsyncClient, key: str) -> httpx.Response:
    owner = {"email": f"{new_id()}@example.com", "password": PASSWORD, "display_name": "Grace Hopper"}
    return await http.post("/tenants", json={"name": "Engines", "owner": owner}, headers={"Idempotency-Key": key})


async def _is_refused(http: httpx.AsyncClient) -> bool:
    return (await _open_tenant(http, str(new_id()))).status_code == 503


async def _is_taken(http: httpx.AsyncClient, key: str) -> bool:
    return (await _open_tenant(http, key)).status_code == 201
