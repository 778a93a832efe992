"""Charges as stored and shown, with the amount refunded of each."""

import json
from datetime import datetime
from sqlite3 import Connection, Row
from typing import Any

from infra.simulators.payments.bodies import ChargeOrder
from infra.simulators.payments.cards import Card
from infra.simulators.payments.errors import no_such
from infra.simulators.payments.refunds import refunds_of
from infra.simulators.payments.tables import stamp
from waypost.kernel.ids import new_id


def add_charge(connection: Connection, key: str, order: ChargeOrder, card: Card, created_at: str) -> dict[str, Any]:
    charge_id = f"ch_{new_id().hex}"
    connection.execute(
        "insert into charges (id, amount_minor, currency, payment_method, status, failure_code, failure_message,"
        " metadata, idempotency_key, created_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            charge_id,
            order.amount_minor,
            order.currency,
            order.payment_method,
            "failed" if card.decline else "succeeded",
            card.decline.code if card.decline else None,
            card.decline.message if card.decline else None,
            json.dumps(order.metadata),
            key,
            created_at,
        ),
    )
    return get_charge(connection, charge_id)


def get_charge(connection: Connection, charge_id: str) -> dict[str, Any]:
    """Raises `ProviderError` 404."""
    row = connection.execute("select * from charges where id = ?", (charge_id,)).fetchone()
    if row is None:
        raise no_such("charge", charge_id)
    return _shown(connection, row)


def list_charges(connection: Connection, key: str | None = None) -> list[dict[str, Any]]:
    """All charges, oldest first; with a key, only those with that key."""
    rows = connection.execute(
        "select * from charges where ?1 is null or idempotency_key = ?1 order by number", (key,)
    ).fetchall()
    return [_shown(connection, row) for row in rows]


def charge_page(
    connection: Connection, *, tenant_id: str, created_from: datetime, after: str | None, limit: int
) -> tuple[list[dict[str, Any]], bool]:
    """The charges whose metadata name the tenant, oldest first, and whether more follow."""
    rows = connection.execute(
        "select * from charges where json_extract(metadata, '$.tenant_id') = ? and created_at >= ?"
        " and number > coalesce((select number from charges where id = ?), 0) order by number limit ?",
        (tenant_id, stamp(created_from), after, limit + 1),
    ).fetchall()
    return [_shown(connection, row) for row in rows[:limit]], len(rows) > limit


def _shown(connection: Connection, row: Row) -> dict[str, Any]:
    refunds = refunds_of(connection, row["id"])
    return {
        "id": row["id"],
        "object": "charge",
        "amount_minor": row["amount_minor"],
        "amount_refunded_minor": sum(refund["amount_minor"] for refund in refunds if refund["status"] == "succeeded"),
        "currency": row["currency"],
        "payment_method": row["payment_method"],
        "status": row["status"],
        "failure_code": row["failure_code"],
        "failure_message": row["failure_message"],
        "metadata": json.loads(row["metadata"]),
        "idempotency_key": row["idempotency_key"],
        "created_at": row["created_at"],
        "refunds": refunds,
    }
