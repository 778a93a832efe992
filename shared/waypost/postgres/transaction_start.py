"""The message that begins a transaction: `begin`, the binding of the tenants, and the
preconditions.

The driver drops the rows of a message with several statements, but raises its errors. A
precondition that returns a row therefore becomes an error (`refuse_work`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import asyncpg

from waypost.kernel.ids import TenantId
from waypost.ports.unit_of_work import Precondition
from waypost.postgres.last_writes import with_literals
from waypost.postgres.tenancy import bound_transaction

_REFUSED = "WP001"


@dataclass(frozen=True, slots=True)
class TransactionStart:
    _begin: str
    _preconditions: Sequence[str]

    @classmethod
    def of(cls, tenants: Iterable[TenantId], preconditions: Sequence[Precondition]) -> Self:
        """Raises the errors of `literal`."""
        return cls(bound_transaction(tenants), [_statement(each) for each in preconditions])

    async def execute(self, raw: asyncpg.Connection, *, timeout_seconds: float) -> bool:
        """Begins the transaction. Returns True if there are preconditions and all passed. A
        refusal undoes what they did, such as a lock, and begins again without them.
        """
        try:
            await raw.execute("; ".join((self._begin, *self._preconditions)), timeout=timeout_seconds)
            return bool(self._preconditions)
        except asyncpg.PostgresError as error:
            if error.sqlstate != _REFUSED:
                raise
        await raw.execute(f"rollback; {self._begin}", timeout=timeout_seconds)
        return False


def _statement(precondition: Precondition) -> str:
    query = with_literals(precondition.query, precondition.arguments)
    return f"select refuse_work() where exists ({query})"
