"""Disputes of charges by cardholders: opened, then won or lost by the merchant."""

from sqlite3 import Connection, Row
from typing import Any

from infra.simulators.payments.errors import no_such, unusable
from waypost.kernel.ids import new_id


def open_dispute(
    connection: Connection, charge: dict[str, Any], amount_minor: int | None, reason: str, created_at: str
) -> dict[str, Any]:
    """Raises `ProviderError` 400 for a charge that took no money."""
    if charge["status"] != "succeeded":
        raise unusable("charge_not_disputable", f"The charge {charge['id']} took no money")
    dispute_id = f"dp_{new_id().hex}"
    connection.execute(
        "insert into disputes (id, charge, amount_minor, currency, reason, status, created_at)"
        " values (?, ?, ?, ?, ?, 'needs_response', ?)",
        (dispute_id, charge["id"], amount_minor or charge["amount_minor"], charge["currency"], reason, created_at),
    )
    return _get(connection, dispute_id)


def close_dispute(connection: Connection, dispute_id: str, status: str) -> dict[str, Any]:
    """Raises `ProviderError` 404."""
    _get(connection, dispute_id)
    connection.execute("update disputes set status = ? where id = ?", (status, dispute_id))
    return _get(connection, dispute_id)


def _get(connection: Connection, dispute_id: str) -> dict[str, Any]:
    row: Row | None = connection.execute("select * from disputes where id = ?", (dispute_id,)).fetchone()
    if row is None:
        raise no_such("dispute", dispute_id)
    return {
        "id": row["id"],
        "object": "dispute",
        "charge": row["charge"],
        "amount_minor": row["amount_minor"],
        "currency": row["currency"],
        "reason": row["reason"],
        "status": row["status"],
        "created_at": row["created_at"],
    }
