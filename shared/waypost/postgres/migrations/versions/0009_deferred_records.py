"""The records that a parked key leaves on its topic, and the dead letters of a tenant."""

from waypost.postgres.migration import execute_statements

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    execute_statements(
        """
        alter table parked_keys
            add column partition integer, add column deferred_from bigint, add column tenant_id uuid""",
        "comment on table parked_keys is 'across tenants'",
        """
        create index dead_letters_open_of_tenant on dead_letters (consumer, tenant_id)
            where status in ('retrying', 'dead', 'waiting')""",
    )
