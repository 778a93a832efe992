"""Tests run on the requested backend."""

import pytest

from waypost.testing.backend import VARIABLE, Backend, chosen_backend


def test_default_backend_is_native() -> None:
    assert chosen_backend({}) is Backend.NATIVE
    assert chosen_backend({VARIABLE: "containers"}) is Backend.CONTAINERS


@pytest.mark.parametrize("given", ["docker", "", "Native"])
def test_anything_else_is_refused(given: str) -> None:
    with pytest.raises(pytest.UsageError, match="native or containers"):
        chosen_backend({VARIABLE: given})
