"""How far each customer has followed its user."""

from alembic import op

from waypost.postgres.tenancy import protect

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute("""
        create table followed_users (
            tenant_id  uuid    not null,
            user_id    uuid    not null,
            version    bigint  not null,
            primary key (tenant_id, user_id)
        )""")
    # The customers that are there have followed as far as their consumer has come. Their owner, too, sees bound tenants' rows alone.
    op.execute("alter table customers.customers no force row level security")
    op.execute("""
        insert into followed_users (tenant_id, user_id, version)
        select tenant_id, customer_id, guard.version from customers.customers join consumer_versions as guard on aggregate_id = customer_id
        where consumer = 'billing.customers' and topic = 'users.user'""")
    op.execute("alter table customers.customers force row level security")
    for statement in protect("followed_users"):
        op.execute(statement)
    op.execute("grant select, insert, update (version) on followed_users to billing_app")
