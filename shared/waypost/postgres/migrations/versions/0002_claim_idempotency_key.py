"""A function that claims an idempotency key in one round trip."""

from waypost.postgres.migration import execute_statements

revision = "0002"
down_revision = "0001"

# The lookup is a separate statement: its snapshot includes the commit of the previous lock
# holder. The function is therefore not one SQL statement, and it must stay volatile.
_CLAIM = """
create function claim_idempotency_key(lock bigint, of_tenant uuid, of_route text, of_key text)
returns table (in_progress boolean, body_hash bytea, status smallint, headers text, body bytea)
language plpgsql volatile as $$
begin
    if pg_try_advisory_xact_lock(lock) then
        return query
            select false, stored.body_hash, stored.status, stored.headers::text, stored.body
            from public.idempotency_keys as stored
            where stored.tenant_id = of_tenant and stored.route = of_route and stored.key = of_key;
    else
        return query select true, null::bytea, null::smallint, null::text, null::bytea;
    end if;
end $$"""


def upgrade() -> None:
    execute_statements(_CLAIM)
