"""The signing key is replaced while the application runs, and no valid token is refused."""

import base64
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from infra.stack.keys import Keys, load_or_make_keys
from tests.integration.users.service import Member, UsersService
from waypost.cli.main import app
from waypost.cli.services import DIRECTORY_VARIABLE
from waypost.kernel.errors import Unauthenticated
from waypost.web import keys as published_keys
from waypost.web import signing_keys
from waypost.web.keys import PublishedKeys
from waypost.web.signing_keys import ACCEPTED_FOR, ANNOUNCED_FOR
from waypost.web.tokens import TokenVerifier

JWKS = "/.well-known/jwks.json"


class KeyFile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def rotate(self, *options: str) -> str:
        """Returns the kid of the new key."""
        result = CliRunner().invoke(app, ["keys", "rotate", *options])
        assert result.exit_code == 0, result.exception
        return self.kids()[-1]

    def kids(self) -> list[str]:
        return [key["kid"] for key in json.loads(self.path.read_text())["keys"]]

    def age(self, by: timedelta) -> None:
        """The file as it is read after this time."""
        document = json.loads(self.path.read_text())
        for key in document["keys"]:
            key["nbf"] = max(0, key["nbf"] - int(by.total_seconds()))
        self.path.write_text(json.dumps(document))


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """Keys of this test alone."""
    return load_or_make_keys(tmp_path / "keys")


@pytest.fixture
def key_file(keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeyFile:
    """The file of the application, which notices a change at once."""
    (tmp_path / "users.env").write_text(f"WAYPOST_KEYS_DIRECTORY={keys.of('users')}\n")
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    monkeypatch.setattr(signing_keys, "CHECK_SECONDS", 0)
    return KeyFile(keys.of("users") / "signing.json")


def other_service(users: UsersService) -> TokenVerifier:
    """Another service: it fetches the keys over HTTP."""
    return TokenVerifier(PublishedKeys(JWKS, users.http), users.clock)


async def test_a_rotation_refuses_no_token(users: UsersService, key_file: KeyFile) -> None:
    billing = other_service(users)
    owner = await users.open_tenant()
    old = (await jwks(users))[0]
    new = key_file.rotate()
    await billing.verify(owner.tokens["access_token"])

    # Announced: published, and not used yet.
    assert await jwks(users) == [old, new]
    announced = await again(users, owner)
    assert kid(announced) == old

    key_file.age(ANNOUNCED_FOR + timedelta(seconds=1))
    rotated = await again(users, owner)
    assert kid(rotated) == new
    for tokens in (owner.tokens, announced, rotated):
        assert await status(users, owner, tokens) == 200
        await billing.verify(tokens["access_token"])

    # The last token of the old key has ended, so the old key has too.
    key_file.age(ACCEPTED_FOR)
    assert await jwks(users) == [new]
    assert await status(users, owner, rotated) == 200
    assert await status(users, owner, owner.tokens) == 401
    assert await status(users, owner, (await users.refresh(owner.tokens)).json()) == 200


async def test_a_key_that_others_know_ends_at_once_and_sessions_continue(
    users: UsersService, key_file: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published_keys, "PAUSE_SECONDS", 0)
    billing = other_service(users)
    owner = await users.open_tenant()
    operator = CliRunner().invoke(app, ["operators", "token", "--as", "grace"]).stdout.strip()
    await billing.verify(owner.tokens["access_token"])
    key_file.rotate()

    new = key_file.rotate("--end-others")

    assert await jwks(users) == [new]
    assert await status(users, owner, owner.tokens) == 401
    renewed = (await users.refresh(owner.tokens)).json()
    assert await status(users, owner, renewed) == 200
    await billing.verify(renewed["access_token"])
    for ended in (owner.tokens["access_token"], operator):
        with pytest.raises(Unauthenticated):
            await billing.verify(ended)


async def test_a_damaged_file_changes_nothing(users: UsersService, key_file: KeyFile) -> None:
    owner = await users.open_tenant()
    before = await jwks(users)
    whole = key_file.path.read_text()
    for damage in (whole[:40], "[]", '{"keys": []}', json.dumps({**json.loads(whole), "kid": None})):
        key_file.path.write_text(damage)
        assert await jwks(users) == before
        assert await status(users, owner, await again(users, owner)) == 200
    key_file.path.unlink()
    assert await status(users, owner, owner.tokens) == 200
    key_file.path.write_text(whole)
    new = key_file.rotate()
    assert await jwks(users) == [*before, new]


async def test_a_second_rotation_waits_for_the_first(key_file: KeyFile) -> None:
    mode = key_file.path.stat().st_mode
    key_file.rotate()
    held = key_file.path.read_text()
    refused = CliRunner().invoke(app, ["keys", "rotate"])
    assert "--end-others" in str(refused.exception)
    assert key_file.path.read_text() == held
    assert key_file.path.stat().st_mode == mode
    shown = CliRunner().invoke(app, ["keys", "show"]).stdout.splitlines()
    assert [line.split()[1] for line in shown] == ["signs", "announced"]
    assert '"d"' not in "".join(shown) and json.loads(held)["keys"][0]["d"] not in "".join(shown)


async def jwks(users: UsersService) -> list[str]:
    keys = (await users.http.get(JWKS)).json()["keys"]
    assert all("d" not in key and "nbf" not in key and key["use"] == "sig" for key in keys)
    return [key["kid"] for key in keys]


async def again(users: UsersService, member: Member) -> Mapping[str, Any]:
    tokens: Mapping[str, Any] = (await users.log_in(member.tenant_id, member.email)).json()
    return tokens


async def status(users: UsersService, member: Member, tokens: Mapping[str, Any]) -> int:
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    return (await users.http.get(f"/users/{member.user_id}", headers=headers)).status_code


def kid(tokens: Mapping[str, Any]) -> str:
    header = tokens["access_token"].split(".")[0]
    read: str = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"]
    return read
