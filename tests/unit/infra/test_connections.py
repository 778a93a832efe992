"""The budget of PostgreSQL connections covers a rebuild, and is the same in both stacks."""

from infra.postgres.connections import OPERATOR, PER_SERVICE
from waypost.cli.projections import MOST_PROCESSES
from waypost.devstack.environment import CONNECTIONS_PER_SERVICE
from waypost.ports.rebuild import WRITERS

OWNER = 2
"""The session that holds the lock of a rebuild, and one transaction beside it."""


def test_a_rebuild_by_the_most_processes_is_within_the_share_of_operators() -> None:
    assert MOST_PROCESSES * WRITERS + OWNER <= OPERATOR


def test_a_generated_project_has_the_same_share_per_service() -> None:
    assert CONNECTIONS_PER_SERVICE == PER_SERVICE
