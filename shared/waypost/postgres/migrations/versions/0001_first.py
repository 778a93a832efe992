"""The first released version of the toolkit's tables."""

from waypost.postgres.ddl import first_version
from waypost.postgres.migration import execute_statements, service_name

revision = "0001"
down_revision = None


def upgrade() -> None:
    execute_statements(first_version(service_name()))
