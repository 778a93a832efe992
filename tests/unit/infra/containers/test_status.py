"""A stack is up when its servers are healthy and its one-shots have run."""

import pytest

from infra.containers.compose import is_up


@pytest.mark.parametrize(
    ("state", "health", "exit_code", "expected"),
    [
        ("running", "healthy", 0, True),
        ("running", "", 0, True),
        ("exited", "", 0, True),
        ("exited", "", 2, False),
        ("running", "starting", 0, False),
        ("running", "unhealthy", 0, False),
        ("restarting", "", 1, False),
    ],
)
def test_a_container_is_up(state: str, health: str, exit_code: int, expected: bool) -> None:
    assert is_up({"State": state, "Health": health, "ExitCode": exit_code}) is expected
