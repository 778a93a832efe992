"""Key files, and tokens created with them."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from nacl.public import PrivateKey, SealedBox

from infra.stack.keys import load_or_make_keys
from services.users.adapters.keys import sealing_key, signing_key
from services.users.adapters.one_time_tokens import SealedBoxSealer
from services.users.domain import OpaqueToken
from waypost.kernel.errors import Misconfigured
from waypost.kernel.ids import TenantId
from waypost.web import signing_keys
from waypost.web.signing_keys import SigningKeyFile, SigningKeys

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


class AtNow:
    def now(self) -> datetime:
        return NOW


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return load_or_make_keys(tmp_path / "keys").of("users")


async def test_a_key_file_that_could_not_be_read_is_read_again_without_a_change(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repaired permission leaves its time and size."""
    monkeypatch.setattr(signing_keys, "CHECK_SECONDS", 0)
    path, is_closed = directory / "signing.json", False

    def read(path: Path) -> SigningKeys:
        if is_closed:
            raise Misconfigured("permission denied")
        return read_now(path)

    keys, is_closed = SigningKeyFile(path, AtNow(), read), True
    rotated = read_now(path).rotated(NOW, announced_for=signing_keys.ANNOUNCED_FOR, ends_others=False)
    path.write_text(json.dumps(rotated.document()))
    assert len(keys.published()["keys"]) == 1
    is_closed = False
    assert len(keys.published()["keys"]) == 2


def read_now(path: Path) -> SigningKeys:
    return SigningKeys.of(json.loads(path.read_text()))


def test_keys_are_made_once_and_closed_to_others(directory: Path) -> None:
    files = sorted(directory.iterdir())
    before = {file: file.read_bytes() for file in files}
    load_or_make_keys(directory.parent)
    assert {file.name for file in files} == {"signing.json", "sealing.public.json"}
    assert {file: file.read_bytes() for file in files} == before
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_a_sealed_token_is_opened_with_the_private_key_of_notifications(directory: Path) -> None:
    token = OpaqueToken.of(TenantId(uuid4()), b"s" * 32)
    sealed = SealedBoxSealer(*sealing_key(directory)).seal(token, NOW)
    assert token.text.encode() not in sealed.sealed

    (held,) = json.loads((directory.parent / "notifications" / "sealing.private.json").read_text())["keys"]
    private = PrivateKey(base64.b64decode(held["private_key"]))
    assert sealed.sealing_key_id == held["key_id"]
    assert SealedBox(private).decrypt(sealed.sealed).decode() == token.text


@pytest.mark.parametrize("content", [None, "", "[]", "{}", "{", '{"kty": "oct", "k": "AAAA"}', "public", "no kid"])
def test_an_unusable_signing_key_is_named(directory: Path, content: str | None) -> None:
    file = directory / "signing.json"
    whole = json.loads(file.read_text())
    if content is None:
        file.unlink()
    elif content == "public":
        file.write_text(json.dumps({name: value for name, value in whole.items() if name != "d"}))
    elif content == "no kid":
        file.write_text(json.dumps({name: value for name, value in whole.items() if name != "kid"}))
    else:
        file.write_text(content)
    with pytest.raises(Misconfigured, match=r"signing\.json in WAYPOST_KEYS_DIRECTORY"):
        signing_key(directory)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"key_id": "k", "public_key": "AAAA"}', '{"key_id": "k", "public_key": 1}']
)
def test_an_unusable_sealing_key_is_named(directory: Path, content: str) -> None:
    (directory / "sealing.public.json").write_text(content)
    with pytest.raises(Misconfigured, match=r"sealing\.public\.json in WAYPOST_KEYS_DIRECTORY"):
        sealing_key(directory)
