"""What the command says to whoever mistyped."""

import pytest

from shared.cli.projections import find
from shared.cli.services import DIRECTORY, environment_of
from shared.kernel.errors import Misconfigured, NotFound


def test_an_unknown_read_model_is_refused_with_what_there_is() -> None:
    with pytest.raises(NotFound, match=r"users\.accounts"):
        find("users.nothing")


def test_an_unknown_service_is_refused() -> None:
    with pytest.raises(NotFound, match="no service 'nobody'"):
        find("nobody.tenants")


def test_a_stack_that_never_ran_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: pytest.TempPathFactory) -> None:
    monkeypatch.setenv(DIRECTORY, str(tmp_path))
    with pytest.raises(Misconfigured, match="make up"):
        environment_of("users")
