"""Operators may not read the keys of people, and a rebuild sees those of all tenants."""

from waypost.postgres.migration import execute_statements, secret_table

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    execute_statements(secret_table("person_keys.person_keys"))
