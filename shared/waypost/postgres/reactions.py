"""Units of work of a reactor's events in one transaction."""

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.cause import Cause
from waypost.kernel.ids import TenantId
from waypost.postgres.sql import driver
from waypost.postgres.tenancy import bind_statement
from waypost.postgres.unit_of_work import PostgresUnitOfWork, PostgresUnitsOfWork
from waypost.telemetry.statements import statement_event


class PostgresReactions:
    """`waypost.ports.consumer_transaction.Reactions`."""

    def __init__(self, connection: AsyncConnection, units: PostgresUnitsOfWork, tenants: frozenset[TenantId]) -> None:
        self._connection = connection
        self._units = units
        self._tenants = self._bound = tenants
        self._begun: list[PostgresUnitOfWork] = []

    async def begin(self, tenant_id: TenantId, cause: Cause) -> PostgresUnitOfWork:
        await self._bind(frozenset((tenant_id,)))
        unit = self._units.over(self._connection, self._bound, cause)
        self._begun.append(unit)
        return unit

    async def finish(self) -> None:
        await self._bind(self._tenants)  # deferred constraints are checked at the commit
        await self._units.publish(self._connection, self._begun)

    def send_wakeups(self) -> None:
        for unit in self._begun:
            unit.send_wakeups()

    async def _bind(self, tenants: frozenset[TenantId]) -> None:
        if tenants != self._bound:
            # The text differs for each set of tenants, so it must not become the event's name.
            with statement_event("set app.tenants"):
                await driver(self._connection).execute(bind_statement(tenants))
            self._bound = tenants
