"""Which users may still act: access tokens outlive a suspension, a demotion and an erasure by
minutes.
"""

from waypost.engine.principals import PRINCIPALS
from waypost.postgres.migration import apply, projection_tables

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    apply(projection_tables("principals", PRINCIPALS))
