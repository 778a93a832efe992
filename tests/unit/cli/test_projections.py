"""The errors for mistyped arguments."""

from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner

from infra.services import SERVICES
from waypost.cli.main import app
from waypost.cli.projections import find, rebuilt
from waypost.cli.replay import find_reactor
from waypost.cli.services import DIRECTORY_VARIABLE, environment_of
from waypost.kernel.errors import Misconfigured, NotFound, WaypostError


def test_an_unknown_read_model_is_refused_with_what_there_is() -> None:
    with pytest.raises(NotFound, match=r"users\.accounts"):
        find("users.nothing")


def test_a_reactor_has_no_rows_and_a_projector_no_replay() -> None:
    with pytest.raises(NotFound, match=r"waypost replay users\.dunning"):
        find("users.dunning")
    with pytest.raises(NotFound, match=r"waypost projections rebuild notifications\.recipients"):
        find_reactor("notifications.recipients")
    with pytest.raises(NotFound, match=r"no reactor 'billing.nothing'; the reactors are billing\.customers"):
        find_reactor("billing.nothing")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["replay", "billing.customers", "--type", "user.suspended"], "has no handler for user.suspended; it has for"),
        (["replay", "billing.customers", "--again"], "needs a reason"),
        (
            ["events", "republish", "users.nothing", "--reason", "x"],
            "it publishes to users.invitation, users.person_key, users.tenant, users.user",
        ),
        (["events", "republish", "users.user"], "needs a reason"),
        (
            ["projections", "rebuild", "nosuch"],
            f"'nosuch' does not have the form SERVICE.NAME; the services are {', '.join(sorted(SERVICES))}",
        ),
        (["replay", "customers"], "'customers' does not have the form SERVICE.REACTOR"),
        (
            ["jobs", "run", "cleanup", "--tenant", str(UUID(int=1)), "--reason", "x"],
            "'cleanup' does not have the form SERVICE.JOB",
        ),
        (
            ["projections", "rebuild", "users.nothing"],
            "there are users.accounts, users.invitations, users.overview, users.tenants",
        ),
    ],
)
def test_an_impossible_request_is_refused_before_the_confirmation(arguments: list[str], problem: str) -> None:
    with pytest.raises(WaypostError) as refused:
        CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert problem in str(refused.value)


def test_an_unknown_service_is_refused() -> None:
    with pytest.raises(NotFound, match="no service 'absent'"):
        find("absent.tenants")


def test_a_stack_that_never_ran_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    with pytest.raises(Misconfigured, match="make up"):
        environment_of("users")


async def test_a_setting_that_is_missing_is_named_with_what_writes_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    (tmp_path / "users.env").touch()
    with pytest.raises(Misconfigured, match=r"WAYPOST_OWNER_DSN is missing.*the stack writes"):
        await rebuilt(*find("users.accounts"))


@pytest.mark.parametrize(
    "words",
    [
        ["replay", "users.absent", "--from", "4h", "--rate", "5/s"],
        ["projections", "rebuild", "users.absent", "--rate", "0.5/s"],
    ],
)
def test_times_and_rates_are_written_as_for_dead_letters(words: list[str]) -> None:
    assert isinstance(CliRunner().invoke(app, words).exception, NotFound)
