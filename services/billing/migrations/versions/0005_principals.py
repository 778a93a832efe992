"""The users who may act: access tokens remain valid for minutes after a suspension, a demotion or
an erasure.
"""

from waypost.engine.principals import PRINCIPALS
from waypost.postgres.migration import execute_statements, projection_tables

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    execute_statements(projection_tables("principals", PRINCIPALS))
