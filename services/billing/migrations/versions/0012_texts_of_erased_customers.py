"""The texts of invoice lines of customers that an earlier release erased."""

from collections.abc import Iterator

from waypost.postgres.migration import execute_statements

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    execute_statements(_erase_earlier_texts())


def _erase_earlier_texts() -> Iterator[str]:
    # Events are rewritten by a job, which knows their schemas. It waits an hour, in which the
    # processes of the earlier release may still add lines. FORCE would hide rows from the owner
    # too.
    tables = ("customers.customers", "invoices.invoices", "job_results")
    for table in tables:
        yield f"alter table {table} no force row level security"
    yield """
        with erased as materialized (
            select tenant_id, customer_id, gen_random_uuid() as job_id, 'upgrade-0012-' || customer_id as key
            from customers.customers as customer
            where erased and exists (
                select from invoices.invoices as invoice
                where invoice.tenant_id = customer.tenant_id and invoice.customer_id = customer.customer_id)
        ), results as (
            insert into job_results (tenant_id, job_id, name, idempotency_key, enqueued_at)
            select tenant_id, job_id, 'erase_line_texts', key, now() from erased
        )
        insert into jobs (id, tenant_id, name, arguments, idempotency_key, priority, enqueued_at, run_at, delayed,
                          correlation_id, causation_id)
        select job_id, tenant_id, 'erase_line_texts', jsonb_build_object('customer_id', customer_id), key, 10, now(),
               now() + interval '1 hour', true, job_id, job_id
        from erased"""
    for table in tables:
        yield f"alter table {table} force row level security"
