"""Which users may still act: access tokens outlive a suspension, a demotion and an erasure by minutes."""

from alembic import op

from waypost.engine.principals import PRINCIPALS
from waypost.postgres.projection_schema import create_projection_schema

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    for statement in create_projection_schema("billing", "principals", PRINCIPALS):
        op.execute(statement)
