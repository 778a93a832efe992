"""Wrong passwords by address, and the times of unasked mails by address."""

from waypost.postgres.migration import execute_statements, protect

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    execute_statements(
        """
        create table sign_in_failures (
            tenant_id       uuid         not null,
            address_digest  bytea        not null,
            failures        bigint       not null check (failures >= 0),
            failed_at       timestamptz  not null,
            refused_until   timestamptz  not null,
            primary key (tenant_id, address_digest)
        )""",
        protect("sign_in_failures"),
        "grant select, insert, update, delete on sign_in_failures to users_app",
        """
        create table mails_to_addresses (
            address_digest  bytea          primary key,
            mailed_at       timestamptz[]  not null,
            last_mailed_at  timestamptz    not null
        )""",
        "create index mails_to_addresses_by_time on mails_to_addresses (last_mailed_at)",
        "grant select, insert, update, delete on mails_to_addresses to users_app",
    )
