"""The list of consumers that the worker stores at its start."""

from waypost.postgres.migration import execute_statements, service_name

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    service = service_name()
    execute_statements(
        """
        create table declared_consumers (
            consumer  text    not null primary key,
            kind      text    not null,
            topics    text[]  not null
        )""",
        f"grant select, insert, update, delete on declared_consumers to {service}_app",
        f"grant select on declared_consumers to {service}_ops",
    )
