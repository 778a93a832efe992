"""Which users may still act: access tokens outlive a suspension, a demotion and an erasure by minutes."""

from alembic import op

from waypost.engine.principals import PRINCIPALS
from waypost.postgres.projection_schema import create_projection_schema

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    for statement in create_projection_schema("notifications", "principals", PRINCIPALS):
        op.execute(statement)
