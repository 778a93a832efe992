"""A function that makes a precondition fail inside a message of several statements, whose rows the
driver drops.
"""

from waypost.postgres.migration import execute_statements

revision = "0005"
down_revision = "0004"

# `waypost.postgres.transaction_start` recognizes the code.
_REFUSE = """
create function refuse_work() returns void
language plpgsql volatile as $$
begin
    raise exception 'a check refused the work' using errcode = 'WP001';
end $$"""


def upgrade() -> None:
    execute_statements(_REFUSE)
