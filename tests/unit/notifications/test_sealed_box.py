"""One-time tokens are opened by the service that mails them."""

from pathlib import Path
from uuid import uuid4

import pytest
from nacl.public import PrivateKey, SealedBox

from infra.stack.keys import load_or_make_keys
from services.notifications.adapters.sealed_box import FILE, SealedBoxOpener, sealing_keys
from waypost.kernel.errors import Misconfigured, Permanent


def test_tokens_of_all_current_keys_can_be_opened(tmp_path: Path) -> None:
    made = sealing_keys(load_or_make_keys(tmp_path).of("notifications"))
    keys = {**made, "older": PrivateKey.generate()}
    opener = SealedBoxOpener(keys)
    for key_id, key in keys.items():
        assert opener.open(key_id, SealedBox(key.public_key).encrypt(b"token")) == "token"


def test_a_token_of_another_key_is_a_permanent_error() -> None:
    key, other = PrivateKey.generate(), PrivateKey.generate()
    opener = SealedBoxOpener({"here": key})
    with pytest.raises(Permanent, match="unknown sealing key gone"):
        opener.open("gone", b"")
    with pytest.raises(Permanent, match="cannot be opened"):
        opener.open("here", SealedBox(other.public_key).encrypt(b"token"))


@pytest.mark.parametrize(
    "content", [None, "", "[]", "{}", '{"keys": []}', '{"keys": [{"key_id": "k", "private_key": "AAAA"}]}']
)
def test_an_unusable_key_file_is_named(tmp_path: Path, content: str | None) -> None:
    directory = tmp_path / str(uuid4())
    directory.mkdir()
    if content is not None:
        (directory / FILE).write_text(content)
    with pytest.raises(Misconfigured, match=r"sealing\.private\.json"):
        sealing_keys(directory)
