"""The index of customers in arrears, and the arrears by write-offs of an earlier release."""

from collections.abc import Iterator

from waypost.postgres.migration import execute_statements

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    # A new database has the index from the first version, which reads tables.py.
    execute_statements(
        "create index if not exists customers_in_arrears on customers.customers (tenant_id, customer_id)"
        " where written_off_invoices > 0",
        _record_earlier_write_offs(),
    )


def _record_earlier_write_offs() -> Iterator[str]:
    # The events are the domain's to record, so a job records them. It waits an hour, in which the
    # processes of the earlier release may still write invoices off. FORCE would hide rows from the
    # owner too.
    for table in ("invoices.invoices", "job_results"):
        yield f"alter table {table} no force row level security"
    yield """
        with debtors as materialized (
            select tenant_id, gen_random_uuid() as job_id
            from (select distinct tenant_id from invoices.invoices where status = 'uncollectible') as found
        ), results as (
            insert into job_results (tenant_id, job_id, name, idempotency_key, enqueued_at)
            select tenant_id, job_id, 'record_write_offs', 'upgrade-0010', now() from debtors
        )
        insert into jobs (id, tenant_id, name, arguments, idempotency_key, priority, enqueued_at, run_at, delayed,
                          correlation_id, causation_id)
        select job_id, tenant_id, 'record_write_offs', '{}', 'upgrade-0010', 10, now(), now() + interval '1 hour', true,
               job_id, job_id
        from debtors"""
    for table in ("invoices.invoices", "job_results"):
        yield f"alter table {table} force row level security"
