"""From a forgotten password to a new one, and to erasure: the processes of both services, with a
real broker and mailbox.
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.stack.keys import Keys
from infra.stack.places import inherited
from tests.fixtures.processes import running
from tests.integration.infra.inbox import Inbox
from tests.integration.notifications.conftest import inbox
from tests.integration.users.service import PASSWORD
from waypost.kafka.topic_creation import ensure_topics
from waypost.native.ports import LOOPBACK, free_ports
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.schemas.topics import declared_topics
from waypost.testing.database import Databases, connected
from waypost.testing.eventually import eventually
from waypost.testing.http import caller
from waypost.testing.kafka import Broker

__all__ = ["inbox"]

ANOTHER, THIRD = "an even better passphrase", "the best passphrase of all"
ADA = "ada@example.com"


@pytest.fixture
def folders(tmp_path: Path) -> Mapping[str, Path]:
    """The end of each service's logs."""
    made = {service: tmp_path / service for service in ("users", "notifications")}
    for folder in made.values():
        folder.mkdir()
    return made


# Five processes start on the available cores.
@pytest.mark.timeout(180)
async def test_a_mailed_link_sets_a_password_and_erasure_reaches_both_services(
    database: Databases, own_kafka: Broker, inbox: Inbox, keys: Keys, folders: Mapping[str, Path]
) -> None:
    await ensure_topics(own_kafka.bootstrap, declared_topics())
    notifications_database = await database("notifications")
    async with (
        the_users(await database("users"), own_kafka, keys, folders["users"]) as http,
        the_notifications(notifications_database, own_kafka, keys, inbox, folders["notifications"], str(http.base_url)),
        connected(notifications_database.owner) as recipients,
    ):
        owner = {"email": "grace@example.com", "password": PASSWORD, "display_name": "Grace Hopper"}
        made = await posted(http, "/tenants", {"name": "Engines", "owner": owner, "join_policy": {"mode": "open"}})
        ada = {"tenant_id": made["tenant_id"], "email": ADA, "password": PASSWORD}
        user_id = (await posted(http, "/signup", {**ada, "display_name": "Ada Lovelace"}))["id"]
        await mailed(inbox, "Confirm")

        await posted(http, "/password/forgot", {"tenant_id": ada["tenant_id"], "email": ADA})
        link = re.search(
            rf"{http.base_url}(/password/reset)\?token=([\w-]+)", await mailed(inbox, "Choose a new password")
        )
        assert link is not None
        page = await http.get(link[1], params={"token": link[2]})
        assert page.headers["content-type"].startswith("text/html")

        await posted(http, link[1], {"token": link[2], "password": ANOTHER})
        assert (await http.post("/login", json=ada)).status_code == 401
        first = await posted(http, "/login", {**ada, "password": ANOTHER})
        change = {"current_password": ANOTHER, "new_password": THIRD}
        second = await posted(http, "/password/change", change, bearer(first))
        assert (await http.post("/token/refresh", json={"refresh_token": first["refresh_token"]})).status_code == 401

        assert (await http.delete(f"/users/{user_id}", headers=bearer(second))).status_code == 204
        assert (await http.post("/login", json={**ada, "password": THIRD})).status_code == 401
        await recipients.execute("select set_config('app.tenants', $1, false)", ada["tenant_id"])
        forgotten = "select email = '' and status = 'erased' from recipients.recipients where user_id = $1"
        await eventually(lambda: recipients.fetchval(forgotten, user_id), deadline_seconds=30)
    logs = "".join(log.read_text() for folder in folders.values() for log in folder.glob("*.log"))
    assert "http_request" in logs
    for secret in (ADA, link[2], ANOTHER, THIRD):
        assert secret not in logs


@asynccontextmanager
async def the_users(
    where: ServiceDatabase, kafka: Broker, keys: Keys, folder: Path
) -> AsyncIterator[httpx.AsyncClient]:
    ports = dict(zip(("api", "worker", "jobs"), free_ports(3), strict=True))
    own = {"WAYPOST_KEYS_DIRECTORY": str(keys.of("users")), "WAYPOST_IDEMPOTENCY_SECRET": keys.secrets.idempotency}
    async with (
        running("users", ports, {**_environment(where, kafka), **own}, folder),
        caller(f"http://{LOOPBACK}:{ports['api']}") as http,
    ):
        yield http


@asynccontextmanager
async def the_notifications(
    where: ServiceDatabase, kafka: Broker, keys: Keys, inbox: Inbox, folder: Path, users_url: str
) -> AsyncIterator[None]:
    ports = dict(zip(("worker", "jobs"), free_ports(2), strict=True))
    own = {
        "WAYPOST_KEYS_DIRECTORY": str(keys.of("notifications")),
        "WAYPOST_SMTP_HOST": LOOPBACK,
        "WAYPOST_SMTP_PORT": str(inbox.smtp_port),
        "WAYPOST_PUBLIC_URL": users_url,
        "WAYPOST_UNSUBSCRIBE_URL": f"{users_url}/unsubscribe",
    }
    async with running("notifications", ports, {**_environment(where, kafka), **own}, folder):
        yield


def _environment(where: ServiceDatabase, kafka: Broker) -> Mapping[str, str]:
    return {
        **inherited(),
        "WAYPOST_APP_DSN": where.app,
        "WAYPOST_OPS_DSN": where.ops,
        "WAYPOST_RELAY_DSN": where.relay,
        "WAYPOST_KAFKA_BOOTSTRAP": kafka.bootstrap,
        "OTEL_TRACES_EXPORTER": "none",
    }


async def mailed(inbox: Inbox, subject: str) -> str:
    """The text of Ada's mail with this subject, when it has arrived."""

    async def mail_text() -> str | None:
        mails = (await inbox.find(to=ADA))["data"]
        ids = [mail["id"] for mail in mails if mail["subject"].startswith(subject)]
        return str((await inbox.http.get(f"/api/messages/{ids[0]}")).json()["text"]) if ids else None

    text = await eventually(mail_text, deadline_seconds=40)
    assert text is not None
    return text


async def posted(
    http: httpx.AsyncClient, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    answer = await http.post(path, json=body, headers=headers)
    assert answer.is_success, answer.text
    shown: dict[str, Any] = answer.json() if answer.content else {}
    return shown


def bearer(tokens: Mapping[str, Any]) -> Mapping[str, str]:
    return {"authorization": f"Bearer {tokens['access_token']}"}
