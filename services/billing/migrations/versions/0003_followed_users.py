"""The highest user version that each customer has handled."""

from collections.abc import Iterator

from waypost.postgres.migration import execute_statements, protect

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    execute_statements(_table(), _positions_of_existing_customers(), protect("followed_users"), _grants())


def _table() -> Iterator[str]:
    yield """
        create table followed_users (
            tenant_id  uuid    not null,
            user_id    uuid    not null,
            version    bigint  not null,
            primary key (tenant_id, user_id)
        )"""


def _positions_of_existing_customers() -> Iterator[str]:
    # Existing customers have handled the versions up to their consumer's order guard. FORCE would
    # hide their rows from the owner too.
    yield "alter table customers.customers no force row level security"
    yield """
        insert into followed_users (tenant_id, user_id, version)
        select tenant_id, customer_id, guard.version from customers.customers join consumer_versions as guard on aggregate_id = customer_id
        where consumer = 'billing.customers' and topic = 'users.user'"""
    yield "alter table customers.customers force row level security"


def _grants() -> Iterator[str]:
    yield "grant select, insert, update (version) on followed_users to billing_app"
