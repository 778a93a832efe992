"""Keys by which users are searched, what billing says of a user, and exports of a user's data."""

from collections.abc import Iterator

from services.users.tables import OVERVIEW, folded
from waypost.postgres.migration import execute_statements, projection_tables, protect

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    # Exports first: their foreign key locks the credentials, so both locks are held before the
    # rewrite of the accounts. In the other order, a request that has locked the credentials and
    # needs the accounts ends the rewrite.
    execute_statements(_exports(), _search_keys(), projection_tables("overview", OVERVIEW))


def _search_keys() -> Iterator[str]:
    # Generated, so that the rows of processes of the release before have them too. A new database
    # has columns and indexes from the first version, which reads the declared tables.
    keys = [("email_key", "email"), ("name_key", "display_name")]
    columns = (
        f'add column if not exists {key} text collate "C" generated always as ({folded(of)}) stored' for key, of in keys
    )
    yield f"alter table accounts.users {', '.join(columns)}"
    for key, _ in keys:
        yield f"create index if not exists users_by_{key} on accounts.users (tenant_id, {key})"


def _exports() -> Iterator[str]:
    yield """
        create table exports (
            tenant_id     uuid         not null,
            user_id       uuid         not null,
            export_id     uuid         not null,
            requested_by  uuid         not null,
            requested_at  timestamptz  not null,
            expires_at    timestamptz  not null,
            finished_at   timestamptz,
            file          bytea,
            primary key (tenant_id, user_id),
            foreign key (tenant_id, user_id) references credentials on delete cascade
        )"""
    yield "create index exports_by_expiry on exports (tenant_id, expires_at)"
    # No grant for the operator's role: the file contains personal data.
    yield from protect("exports")
    yield "grant select, insert, update, delete on exports to users_app"
