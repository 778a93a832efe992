"""How often an operator sent a job again."""

from alembic import op

from waypost.jobs.ddl import job_redrives

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for statement in job_redrives("users"):
        op.execute(statement)
