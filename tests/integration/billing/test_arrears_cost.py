"""Each new invoice and subscription asks for the owner's arrears: the cost must not depend on the
number of customers.
"""

import json
from uuid import uuid4

from services.billing.app import SERVICE
from services.billing.handlers.arrears import OWNER_IN_ARREARS
from waypost.kernel.ids import TenantId
from waypost.postgres.tenancy import bind_statement
from waypost.testing.database import Databases, connected
from waypost.testing.hosted import hosted

CUSTOMERS = 10_000
MAX_PAGES = 20
"""Of tables and indexes, for two customers in arrears."""

_FILL = """
with people as (select gen_random_uuid() as id, n from generate_series(1, $2::int) as n),
added as (
    insert into customers.customers (tenant_id, customer_id, locale, erased, version, created_at, written_off_invoices)
    select $1, id, 'en', false, 1, now(), case when n <= 2 then 1 else 0 end from people
)
insert into principals.principals (tenant_id, user_id, role, suspended, erased)
select $1, id, case n when 2 then 'owner' else 'member' end, false, false from people"""


async def test_the_owners_arrears_are_found_without_the_other_customers(database: Databases) -> None:
    billing, tenant = await database("billing"), TenantId(uuid4())
    async with connected(billing.owner) as owner:
        async with owner.transaction():
            await owner.execute(bind_statement([tenant]))
            await owner.execute(_FILL, tenant, CUSTOMERS)
        await owner.execute("vacuum (analyze) customers.customers, principals.principals")
    async with hosted(SERVICE, billing) as service, service.unit_of_work(tenant) as uow:
        assert len(await uow.query(OWNER_IN_ARREARS)) == 1
        (explained,) = await uow.query(f"explain (analyze, buffers, format json) {OWNER_IN_ARREARS}")
    plan = explained["QUERY PLAN"][0]["Plan"]
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] <= MAX_PAGES, json.dumps(plan, indent=1)
    assert "customers_in_arrears" in json.dumps(plan), json.dumps(plan, indent=1)
