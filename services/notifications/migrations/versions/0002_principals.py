"""Which users may still act: access tokens outlive a suspension, a demotion and an erasure by
minutes.
"""

from waypost.engine.principals import PRINCIPALS
from waypost.postgres.migration import apply, projection_tables

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    apply(projection_tables("principals", PRINCIPALS))
