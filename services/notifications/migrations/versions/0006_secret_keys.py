"""Operators may not read the keys of people, and a rebuild sees those of all tenants."""

from waypost.postgres.migration import execute_statements, secret_table

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    execute_statements(secret_table("person_keys.person_keys"))
