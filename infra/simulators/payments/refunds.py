"""Refunds as stored and shown."""

import json
from sqlite3 import Connection, Row
from typing import Any

from infra.simulators.payments.bodies import RefundOrder
from infra.simulators.payments.errors import no_such, unusable
from infra.simulators.payments.payment_methods import card_of
from waypost.kernel.ids import new_id

_SELECT = "select refunds.*, failure_code from refunds left join refund_failures on refund = id"


def add_refund(
    connection: Connection, key: str, order: RefundOrder, charge: dict[str, Any], created_at: str
) -> dict[str, Any]:
    """Raises `ProviderError` 400 when the charge failed or less is left than `amount_minor`."""
    left = _left_of(charge)
    amount_minor = order.amount_minor or left
    if amount_minor > left:
        raise unusable("amount_too_large", f"{amount_minor} is more than the {left} left of {charge['id']}")
    refund_id = f"re_{new_id().hex}"
    failure_code = card_of(connection, charge["payment_method"]).refund_failure
    connection.execute(
        "insert into refunds (id, charge, amount_minor, currency, status, metadata, idempotency_key, created_at)"
        " values (?, ?, ?, ?, 'succeeded', ?, ?, ?)",
        (refund_id, charge["id"], amount_minor, charge["currency"], json.dumps(order.metadata), key, created_at),
    )
    return (
        get_refund(connection, refund_id) if failure_code is None else fail_refund(connection, refund_id, failure_code)
    )


def get_refund(connection: Connection, refund_id: str) -> dict[str, Any]:
    """Raises `ProviderError` 404."""
    row = connection.execute(f"{_SELECT} where id = ?", (refund_id,)).fetchone()
    if row is None:
        raise no_such("refund", refund_id)
    return _shown(row)


def fail_refund(connection: Connection, refund_id: str, failure_code: str) -> dict[str, Any]:
    """The bank returned the money: the refund failed after all. Raises `ProviderError` 404."""
    get_refund(connection, refund_id)
    connection.execute("insert or ignore into refund_failures values (?, ?)", (refund_id, failure_code))
    return get_refund(connection, refund_id)


def list_refunds(connection: Connection, key: str | None = None) -> list[dict[str, Any]]:
    """All refunds, oldest first; with a key, only those with that key."""
    rows = connection.execute(f"{_SELECT} where ?1 is null or idempotency_key = ?1 order by number", (key,))
    return [_shown(row) for row in rows]


def refunds_of(connection: Connection, charge_id: str) -> list[dict[str, Any]]:
    return [_shown(row) for row in connection.execute(f"{_SELECT} where charge = ? order by number", (charge_id,))]


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
        "status": "failed" if row["failure_code"] else "succeeded",
        "failure_code": row["failure_code"],
        "metadata": json.loads(row["metadata"]),
        "idempotency_key": row["idempotency_key"],
        "created_at": row["created_at"],
    }
