"""The durable queue of webhooks, and their signature."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from sqlite3 import Connection
from typing import Any

from infra.simulators.payments.tables import stamp
from waypost.kernel.ids import new_id

SIGNATURE_HEADER = "Waypost-Signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    id: str
    payload: str
    attempts: int


def signature(secret: str, timestamp: int, body: str) -> str:
    """`t=<Unix seconds>,v1=<hex HMAC-SHA256 of "timestamp.body">`, the scheme of Stripe's
    webhooks.
    """
    digest = hmac.new(secret.encode(), f"{timestamp}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


def enqueue_webhook(connection: Connection, event_type: str, subject: dict[str, Any], created_at: str) -> None:
    """Call it in the transaction that records the subject. The payload is fixed here: every attempt
    sends the same bytes.
    """
    event_id = f"evt_{new_id().hex}"
    event = {
        "id": event_id,
        "object": "event",
        "type": event_type,
        "created_at": created_at,
        "data": {"object": subject},
    }
    connection.execute(
        "insert into webhooks (id, type, payload, next_attempt_at, created_at) values (?, ?, ?, ?, ?)",
        (event_id, event_type, json.dumps(event), created_at, created_at),
    )


def due_webhooks(connection: Connection, now: datetime, limit: int) -> list[Webhook]:
    rows = connection.execute(
        "select id, payload, attempts from webhooks where delivered_at is null and next_attempt_at <= ?"
        " order by next_attempt_at limit ?",
        (stamp(now), limit),
    )
    return [Webhook(id=row["id"], payload=row["payload"], attempts=row["attempts"]) for row in rows]


def next_attempt_at(connection: Connection) -> datetime | None:
    row = connection.execute("select min(next_attempt_at) from webhooks where delivered_at is null").fetchone()
    return datetime.fromisoformat(row[0]) if row[0] else None


def mark_delivered(connection: Connection, webhook: Webhook, at: datetime) -> None:
    connection.execute(
        "update webhooks set delivered_at = ?, attempts = attempts + 1, last_error = null where id = ?",
        (stamp(at), webhook.id),
    )


def mark_failed(connection: Connection, webhook: Webhook, error: str, retry_at: datetime) -> None:
    connection.execute(
        "update webhooks set attempts = attempts + 1, last_error = ?, next_attempt_at = ? where id = ?",
        (error, stamp(retry_at), webhook.id),
    )


def list_webhooks(connection: Connection) -> list[dict[str, Any]]:
    """All webhooks, oldest first, with their delivery status."""
    rows = connection.execute("select * from webhooks order by number")
    return [
        json.loads(row["payload"])
        | {"delivered_at": row["delivered_at"], "attempts": row["attempts"], "last_error": row["last_error"]}
        for row in rows
    ]
