"""Tokens of operators, from the key that the stack keeps for the users service."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.stack.keys import load_or_make_keys
from services.users.adapters.keys import signing_key
from waypost.cli.main import app
from waypost.cli.services import DIRECTORY_VARIABLE
from waypost.kernel.clock import SystemClock
from waypost.kernel.errors import Invalid, Misconfigured, Unauthenticated
from waypost.web.keys import LocalKeys
from waypost.web.principal import OPERATOR_SCOPE, Principal
from waypost.web.tokens import TokenVerifier


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The users service's folder of keys, named in its `.env`."""
    folder = load_or_make_keys(tmp_path / "keys").of("users")
    for service in ("billing", "notifications", "users"):
        (tmp_path / f"{service}.env").write_text(f"WAYPOST_KEYS_DIRECTORY={folder}\n")
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    return folder


async def test_a_token_names_its_operator_ends_soon_and_is_nobodys_in_a_tenant(keys: Path) -> None:
    made = CliRunner().invoke(app, ["operators", "token", "--as", "grace", "--minutes", "3"])
    assert made.exit_code == 0
    claims = await TokenVerifier(LocalKeys(signing_key(keys)), SystemClock()).verify(made.stdout.strip())
    assert (claims["sub"], claims["scope"]) == ("grace", OPERATOR_SCOPE)
    assert claims["exp"] - claims["iat"] == 180
    with pytest.raises(Unauthenticated):
        Principal.of(claims)


def test_an_unreadable_key_is_reported_with_its_path(keys: Path) -> None:
    (keys / "signing.json").unlink()
    refused = CliRunner().invoke(app, ["operators", "token"])
    assert isinstance(refused.exception, Misconfigured)
    assert f"cannot read signing.json in WAYPOST_KEYS_DIRECTORY ({keys})" in str(refused.exception)


@pytest.mark.parametrize("minutes", ["0", "61"])
def test_a_lifetime_outside_the_range_is_refused(keys: Path, minutes: str) -> None:
    assert CliRunner().invoke(app, ["operators", "token", "--minutes", minutes]).exit_code == 2


def test_a_token_without_a_name_is_refused(keys: Path) -> None:
    refused = CliRunner().invoke(app, ["operators", "token", "--as", " "])
    assert isinstance(refused.exception, Invalid)
    assert refused.stdout == ""
