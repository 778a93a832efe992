"""Refunds as stored and shown."""

import json
from sqlite3 import Connection, Row
from typing import Any

from infra.simulators.payments.bodies import RefundOrder
from infra.simulators.payments.errors import unusable
from waypost.kernel.ids import new_id


def add_refund(
    connection: Connection, key: str, order: RefundOrder, charge: dict[str, Any], created_at: str
) -> dict[str, Any]:
    """Raises `ProviderError` 400 when the charge failed or less is left than `amount_minor`."""
    left = _left_of(charge)
    amount_minor = order.amount_minor or left
    if amount_minor > left:
        raise unusable("amount_too_large", f"{amount_minor} is more than the {left} left of {charge['id']}")
    refund_id = f"re_{new_id().hex}"
    connection.execute(
        "insert into refunds (id, charge, amount_minor, currency, status, metadata, idempotency_key, created_at)"
        " values (?, ?, ?, ?, 'succeeded', ?, ?, ?)",
        (refund_id, charge["id"], amount_minor, charge["currency"], json.dumps(order.metadata), key, created_at),
    )
    return _shown(connection.execute("select * from refunds where id = ?", (refund_id,)).fetchone())


def list_refunds(connection: Connection, key: str | None = None) -> list[dict[str, Any]]:
    """All refunds, oldest first; with a key, only those with that key."""
    rows = connection.execute("select * from refunds where ?1 is null or idempotency_key = ?1 order by number", (key,))
    return [_shown(row) for row in rows]


def refunds_of(connection: Connection, charge_id: str) -> list[dict[str, Any]]:
    return [
        _shown(row)
        for row in connection.execute("select * from refunds where charge = ? order by number", (charge_id,))
    ]


def _left_of(charge: dict[str, Any]) -> int:
    if charge["status"] != "succeeded":
        raise unusable("charge_not_refundable", f"The charge {charge['id']} took no money")
    left = int(charge["amount_minor"]) - int(charge["amount_refunded_minor"])
    if left == 0:
        raise unusable("charge_already_refunded", f"The charge {charge['id']} has been refunded in full")
    return left


def _shown(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "object": "refund",
        "charge": row["charge"],
        "amount_minor": row["amount_minor"],
        "currency": row["currency"],
        "status": row["status"],
        "metadata": json.loads(row["metadata"]),
        "idempotency_key": row["idempotency_key"],
        "created_at": row["created_at"],
    }
