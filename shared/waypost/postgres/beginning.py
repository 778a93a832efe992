"""The message that begins a transaction: `begin`, the binding of the tenants, and the checks.

The driver drops the rows of a message with several statements, but raises its errors. A check that
returns a row therefore becomes an error (`refuse_work`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import asyncpg

from waypost.kernel.ids import TenantId
from waypost.ports.unit_of_work import Check
from waypost.postgres.last_writes import with_literals
from waypost.postgres.tenancy import bound_transaction

_REFUSED = "WP001"


@dataclass(frozen=True, slots=True)
class Beginning:
    _begin: str
    _checks: Sequence[str]

    @classmethod
    def of(cls, tenants: Iterable[TenantId], checks: Sequence[Check]) -> Self:
        """Raises the errors of `literal`."""
        return cls(bound_transaction(tenants), [_statement(check) for check in checks])

    async def execute(self, raw: asyncpg.Connection, *, timeout_seconds: float) -> bool:
        """Begins the transaction. Returns True if there are checks and all passed. A refusal undoes
        what the checks did, such as a lock, and begins again without them.
        """
        try:
            await raw.execute("; ".join((self._begin, *self._checks)), timeout=timeout_seconds)
            return bool(self._checks)
        except asyncpg.PostgresError as error:
            if error.sqlstate != _REFUSED:
                raise
        await raw.execute(f"rollback; {self._begin}", timeout=timeout_seconds)
        return False


def _statement(check: Check) -> str:
    return f"select refuse_work() where exists ({with_literals(check.query, check.arguments)})"
