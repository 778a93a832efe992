"""The keys that encrypt the personal data of people."""

from waypost.postgres.migration import execute_statements, protect

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    execute_statements(
        """
        create table person_keys (
            tenant_id   uuid         not null,
            person_id   uuid         not null,
            key         bytea,
            changed_at  timestamptz  not null,
            primary key (tenant_id, person_id)
        )""",
        protect("person_keys"),
        # A lost topic is filled again by the owner, from the keys of all tenants.
        "create policy republishing on person_keys for select to users_owner using (true)",
        "grant select, insert, update on person_keys to users_app",
    )
