"""Functions for the migrations of a service. `services/<service>/migrations/versions/0001_first.py`
reads:

    from waypost.postgres.migration import execute_statements, projection_tables, protect

    revision = "0001"
    down_revision = None

    def upgrade() -> None:
        execute_statements(_own_tables(), projection_tables("accounts", ACCOUNTS))

The toolkit's tables exist already (`waypost.postgres.migrate`). Statements are in PostgreSQL's
dialect. The roles are `<service>_app`, `<service>_ops`, `<service>_relay` and `<service>_owner`.
"""

from collections.abc import Iterable, Iterator

from alembic import op
from sqlalchemy import MetaData

from waypost.postgres.projection_schema import create_projection_schema, make_secret
from waypost.postgres.revisions import SERVICE
from waypost.postgres.tenancy import protect


def execute_statements(*groups: Iterable[str] | str) -> None:
    """Executes the statements in order, inside the migration's transaction."""
    for group in groups:
        for statement in [group] if isinstance(group, str) else group:
            op.execute(statement)


def projection_tables(name: str, tables: MetaData) -> Iterator[str]:
    """Statements that create the schema of the projection `name`, its tables, row-level security
    and grants.

    Raises Misconfigured for a table without a column tenant_id.
    """
    return create_projection_schema(service_name(), name, tables)


def secret_table(table: str) -> Iterator[str]:
    """Statements that make an existing table of a projection, as `schema.name`, one with
    `info=SECRET` (`waypost.ports.consumers`).
    """
    return make_secret(service_name(), table)


def service_name() -> str:
    """The service whose database is migrated."""
    name: str = op.get_context().opts[SERVICE]
    return name


__all__ = ["execute_statements", "projection_tables", "protect", "secret_table", "service_name"]
