"""Rows of the overview whose customer has no credentials. A batch of the overview that runs during
the swap of a rebuild of the accounts locks the replaced rows. So the erasure of the person may not
wait for the batch, and its event may come before the row.
"""

from uuid import UUID

from sqlalchemy import Table, delete, exists, select, tuple_

from services.users.tables import credentials
from waypost.kernel.ids import TenantId
from waypost.ports.unit_of_work import UnitOfWork

CUSTOMERS_AT_ONCE = 500


async def forget_absent(table: Table, tenant_id: TenantId, after: UUID, uow: UnitOfWork) -> UUID | None:
    """Deletes the rows of absent users among the next customers of the table. Returns the last
    customer, or None if they were the last. Leaves locked rows to the next night.
    """
    of_tenant, customer_id = table.c.tenant_id == tenant_id, table.c.customer_id
    customers = select(customer_id).where(of_tenant, customer_id > after).distinct()
    part = (await uow.rows.execute(customers.order_by(customer_id).limit(CUSTOMERS_AT_ONCE))).scalars().all()
    people = select(credentials.c.user_id)  # no read model, which a rebuild could leave incomplete
    present = exists(people.where(credentials.c.tenant_id == tenant_id, credentials.c.user_id == customer_id))
    key = table.primary_key.columns
    absent = select(*key).where(of_tenant, customer_id.in_(part), ~present)
    await uow.rows.execute(delete(table).where(tuple_(*key).in_(absent.with_for_update(skip_locked=True, of=table))))
    return part[-1] if len(part) == CUSTOMERS_AT_ONCE else None
