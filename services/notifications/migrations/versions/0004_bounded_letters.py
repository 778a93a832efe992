"""Attempts at letters that had no end are counted; open letters have an index of their own."""

from alembic import op

from waypost.postgres.ddl import bounded_dead_letters

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for statement in bounded_dead_letters():
        op.execute(statement)
