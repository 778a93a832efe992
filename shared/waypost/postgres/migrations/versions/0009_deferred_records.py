"""The records that a parked key leaves on its topic, and the dead letters of a tenant."""

from waypost.postgres.migration import execute_statements

revision = "0009"
down_revision = "0008"

# A worker of an earlier release deletes a key that has no dead letter, and does not know that the
# topic holds more of its records. The key stays, and is due later: that worker would try again at
# once.
_KEEP = """
create function keep_deferred_keys() returns trigger
language plpgsql as $$
begin
    update public.parked_keys set due_at = now() + interval '1 minute', waits = true
    where consumer = old.consumer and topic = old.topic and key_digest = old.key_digest;
    return null;
end $$"""


def upgrade() -> None:
    execute_statements(
        """
        alter table parked_keys
            add column partition integer, add column deferred_from bigint, add column tenant_id uuid""",
        _KEEP,
        """
        create trigger keep_deferred_keys before delete on parked_keys
            for each row when (old.deferred_from is not null) execute function keep_deferred_keys()""",
        "comment on table parked_keys is 'across tenants'",
        """
        create index dead_letters_open_of_tenant on dead_letters (consumer, tenant_id)
            where status in ('retrying', 'dead', 'waiting')""",
    )
