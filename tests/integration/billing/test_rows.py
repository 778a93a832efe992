"""Declared tables match the migrated ones, and read models match the events."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, Table, delete, select, text

from schemas.users import UserErased
from services.billing.domain import Customer, Invoice, Period, Subscription
from services.billing.handlers.exception_tables import EXCEPTIONS
from services.billing.handlers.tax_tables import TAXES
from services.billing.ports import Declined, Succeeded
from services.billing.projections import PROJECTIONS
from services.billing.queries import reports
from services.billing.tables import (
    CUSTOMERS,
    INVOICES,
    MONEY,
    SUBSCRIPTIONS,
    cards,
    customers,
    invoice_lines,
    invoices,
    postings,
    subscriptions,
)
from tests.integration.billing.decisions import written_off
from tests.integration.billing.service import BillingService, Company
from tests.integration.billing.subscriptions import subscribed
from waypost.engine.projections import project
from waypost.kernel.tenant import bound_tenants
from waypost.ports.unit_of_work import UnitOfWork
from waypost.postgres.migrate import migrate
from waypost.testing.database import connected

_MANY_INVOICES = """
insert into invoices.invoices (tenant_id, invoice_id, customer_id, status, currency, total_minor, amount_paid_minor,
                               amount_refunded_minor, created_at, finalized_at, version)
select :tenant, gen_random_uuid(), gen_random_uuid(), 'open', 'EUR', 1, 0, 0, now(), timestamptz '2025-01-01Z' + n * interval '2 hours', 3
from generate_series(1, 10000) as n returning 1"""

READ_TABLES = (customers, cards, subscriptions, invoices, invoice_lines, postings)


async def test_migrated_tables_match_the_declared_ones(billing: BillingService) -> None:
    async with billing.runtime.database.transaction() as connection:
        for declared in (MONEY, TAXES):
            assert await connection.run_sync(_differences, declared) == []


async def test_the_ledger_balances_after_all_events(company: Company) -> None:
    await company.paid(10_000)
    voided, failed, refunded = await company.finalized(500), await company.finalized(70), await company.paid(3_000)
    await company.post(f"/invoices/{voided}/void")
    await company.decide(await company.begin_charge(failed), Declined(reason="card_declined"))
    await company.post(f"/invoices/{refunded}/refund", {"amount_minor": 1_000})
    [refund] = await company.rows("select id from payment_attempts where kind = 'refund'")
    await company.decide(refund["id"], Succeeded(provider_id="re_1"))
    sums = await company.rows(
        "select account, sum(amount_minor)::bigint as minor from postings group by account having sum(amount_minor) <> 0"
    )
    balances = {row["account"]: row["minor"] for row in sums}
    assert sum(balances.values()) == 0
    assert balances == {"receivable": 70, "cash": 12_000, "refunds": 1_000, "revenue": -13_070}
    entries = await company.rows(
        "select sum(amount_minor)::bigint as minor from postings group by invoice_id, invoice_version, currency"
    )
    assert {row["minor"] for row in entries} == {0}


async def test_rows_rebuilt_from_the_event_store_are_equal(company: Company) -> None:
    [first] = (await company.get(f"/customers/{company.customer_id}"))["payment_methods"]
    await company.attach_card("pm_card_slow")
    ids = [await company.draft(1, 2), await company.finalized(3), await company.paid(4, 5)]
    await company.post(f"/invoices/{ids[1]}/void")
    subscription = await subscribed(company)
    await company.post(f"/subscriptions/{subscription['id']}/change", {"plan": "team"})
    await company.post(f"/subscriptions/{subscription['id']}/cancel")
    await company.ask("POST", f"{company.cards}/{first['id']}/default")
    await company.decide(await company.begin_charge(subscription["invoice_id"]), Declined(reason="card_declined"))
    ids.append(subscription["invoice_id"])
    with bound_tenants([company.tenant_id]):
        async with company.billing.bus.units.begin() as uow:
            live = [await _all(uow, table) for table in READ_TABLES]
            for table in READ_TABLES:
                await uow.rows.execute(delete(table))
            await _fold_again(uow, Customer.aggregate_type, [company.customer_id])
            await _fold_again(uow, Subscription.aggregate_type, [UUID(subscription["id"])])
            await _fold_again(uow, Invoice.aggregate_type, [UUID(item) for item in ids])
            assert [await _all(uow, table) for table in READ_TABLES] == live
    assert [len(rows) for rows in live] == [1, 2, 1, 4, 6, 10]


async def test_an_erasure_keeps_only_the_ledger(company: Company) -> None:
    paid, owed, asked = await company.paid(100), await company.finalized(50), await company.finalized(25)
    attempt_id = await company.begin_charge(asked)
    erased = UserErased(
        tenant_id=company.tenant_id, user_id=company.customer_id, erased_at=company.billing.runtime.clock.now()
    )
    await company.react(erased, company.customer_id, 2)

    shown = await company.get(f"/customers/{company.customer_id}")
    assert (shown["email"], shown["display_name"], shown["payment_methods"], shown["erased"]) == (None, None, [], True)
    assert await company.rows("select * from payment_methods") == []
    payloads = [
        row["payload"] for row in await company.rows("select payload from events where aggregate_type = 'customer'")
    ]
    assert payloads and not [item for item in payloads if b"@example.com" in item]
    statuses = {item: (await company.get(f"/invoices/{item}"))["status"] for item in (paid, owed, asked)}
    assert statuses == {paid: "paid", owed: "void", asked: "open"}
    await company.decide(attempt_id, Declined(reason="card_declined"))
    assert (await company.get(f"/invoices/{asked}"))["status"] == "void"
    refused = await company.post("/invoices", {"customer_id": str(company.customer_id), "currency": "EUR"})
    assert refused.status_code == 409


async def test_the_database_permits_one_pending_attempt_per_invoice(billing: BillingService, company: Company) -> None:
    await company.begin_charge(await company.finalized())
    async with connected(billing.where.app) as app, app.transaction():
        await app.execute("select set_config('app.tenants', $1, true)", str(company.tenant_id))
        with pytest.raises(asyncpg.UniqueViolationError):
            await app.execute(
                "insert into payment_attempts select tenant_id, gen_random_uuid(), invoice_id, kind, attempt + 1, 'other', 'other',"
                " payment_method_id, charge_id, amount_minor, currency, 'pending', null, null, now(), null from payment_attempts"
            )


async def test_an_attempt_is_never_deleted_and_its_order_never_changes(
    billing: BillingService, company: Company
) -> None:
    await company.paid()
    for forbidden in ("delete from payment_attempts", "update payment_attempts set amount_minor = 1"):
        async with connected(billing.where.app) as app:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(forbidden)
    async with connected(billing.where.ops) as operator:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await operator.fetch("select token from payment_methods")


async def test_a_month_of_a_report_is_read_through_the_index(billing: BillingService, company: Company) -> None:
    january = Period(since=datetime(2026, 1, 1, tzinfo=UTC), until=datetime(2026, 2, 1, tzinfo=UTC))
    await company.rows(_MANY_INVOICES, tenant=company.tenant_id)
    async with connected(billing.where.owner) as owner:
        await owner.execute("analyze invoices.invoices")
    async with billing.runtime.database.transaction([company.tenant_id]) as rows:
        query = reports._totals(january, None).compile(dialect=rows.dialect, compile_kwargs={"literal_binds": True})
        plan = "\n".join((await rows.execute(text(f"explain {query}"))).scalars())
    assert "invoices_by_finalizing" in plan, plan
    assert "Seq Scan" not in plan, plan


async def test_the_upgrade_adds_the_reports_index(billing: BillingService) -> None:
    async with connected(billing.where.owner) as owner:
        await owner.execute("drop index invoices.invoices_by_finalizing")
        await owner.execute("update alembic_version set version_num = '0001'")
        await migrate("billing", billing.where.owner, revision="0002")
        assert await owner.fetchval("select to_regclass('invoices.invoices_by_finalizing') is not null")


async def test_the_upgrade_adds_subscriptions(billing: BillingService) -> None:
    async with connected(billing.where.owner) as owner:
        await owner.execute("alter table invoices.invoices drop column subscription_id")
        await owner.execute("drop schema subscriptions cascade")
        await owner.execute("update alembic_version set version_num = '0003'")
        await migrate("billing", billing.where.owner, revision="0004")
        assert await owner.fetchval("select to_regclass('invoices.invoices_of_subscription') is not null")
    async with billing.runtime.database.transaction() as connection:
        for declared in (INVOICES, SUBSCRIPTIONS):
            assert await connection.run_sync(_differences, declared) == []


BEFORE_EXCEPTIONAL_PAYMENTS = """
drop table stray_payments, payment_exceptions, tax_rates;
drop schema person_keys cascade;
drop index payment_attempts_of_provider, payment_attempts_by_time, invoices.invoices_written_off,
    customers.customers_erased;
alter table payment_attempts drop column failure, drop column actor_id;
alter table invoices.invoices drop column amount_disputed_minor, drop column tax_minor,
    drop column refunded_tax_minor;
alter table invoices.invoice_lines drop column tax_minor, drop column tax_rate_id, drop column tax_name,
    drop column tax_rate_ppm, drop column tax_inclusive;
alter table customers.customers drop column written_off_invoices;
alter table subscriptions.subscriptions drop column cancel_at, drop column trial_end;
update alembic_version set version_num = '0005'"""


async def test_the_upgrade_adds_exceptional_payments_cancellations_and_trials(
    billing: BillingService, company: Company
) -> None:
    subscription = await subscribed(company)
    async with connected(billing.where.owner) as owner:
        await owner.execute(BEFORE_EXCEPTIONAL_PAYMENTS)
        await migrate("billing", billing.where.owner)
    async with billing.runtime.database.transaction() as connection:
        for declared in (CUSTOMERS, INVOICES, SUBSCRIPTIONS, EXCEPTIONS, TAXES):
            assert await connection.run_sync(_differences, declared) == []
    assert await company.get(f"/subscriptions/{subscription['id']}") == subscription
    await written_off(company, invoice_id=subscription["invoice_id"])
    assert (await company.get(f"/subscriptions/{subscription['id']}"))["status"] == "canceled"


async def test_a_rebuild_creates_the_migrated_indexes(billing: BillingService) -> None:
    declared = {index.name for table in INVOICES.sorted_tables for index in table.indexes}
    made = (
        "select indexname from pg_indexes join pg_class as index on index.relname = indexname"
        " where schemaname = 'invoices' and not exists (select from pg_constraint where conindid = index.oid)"
    )
    async with connected(billing.where.owner) as owner:
        assert {row["indexname"] for row in await owner.fetch(made)} == declared


async def _all(uow: UnitOfWork, table: Table) -> Sequence[Any]:
    return (await uow.rows.execute(select(table).order_by(*table.primary_key.columns))).all()


async def _fold_again(uow: UnitOfWork, kind: str, ids: Sequence[UUID]) -> None:
    for item in ids:
        history = await uow.events.history(kind, item)
        for projection in PROJECTIONS:
            await project(history, projection.handlers, uow.rows)


def _differences(connection: Connection, declared: MetaData) -> list[Any]:
    def ours(entity: Any, name: str | None, kind: str, reflected: bool, compared: Any) -> bool:
        return kind != "table" or name in declared.tables

    context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
    return list(compare_metadata(context, declared))
