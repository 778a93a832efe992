"""The order in which the clean-up of bounces locks rows."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from services.notifications.handlers.bounces import prune_bounces
from waypost.ports.unit_of_work import UnitOfWork


async def test_suppressions_are_locked_before_bounces() -> None:
    """As by a lift and an erasure: in the other order, both could wait for each other."""
    locked: list[str] = []

    async def execute(statement: Any) -> None:
        locked.append(statement.table.name)

    uow = cast(UnitOfWork, SimpleNamespace(rows=SimpleNamespace(execute=execute)))
    await prune_bounces(datetime(2026, 3, 31, tzinfo=UTC), uow)
    assert locked == ["suppressed_addresses", "bounces"]
