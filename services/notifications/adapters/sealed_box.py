"""Opens one-time tokens that the users service sealed for this service, and seals and opens the
secrets of webhooks.

`sealing.private.json` in `WAYPOST_KEYS_DIRECTORY` holds `{keys: [{key_id, private_key}]}`, X25519
in base64, newest first; `infra.stack.keys` creates the file. An old key stays in the file until all
tokens sealed with the key have expired, and until the nightly job `reseal_webhook_secrets` has run.
"""

import base64
import json
from collections.abc import Mapping
from pathlib import Path

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox

from services.notifications.ports import UnknownSealingKey
from waypost.kernel.errors import Misconfigured, Permanent

FILE = "sealing.private.json"


class SealedBoxOpener:
    """Implements `services.notifications.ports.TokenOpener` with NaCl's sealed boxes."""

    def __init__(self, keys: Mapping[str, PrivateKey]) -> None:
        self._boxes = {key_id: SealedBox(key) for key_id, key in keys.items()}

    def open(self, sealing_key_id: str, sealed: bytes) -> str:
        box = self._boxes.get(sealing_key_id)
        if box is None:
            raise UnknownSealingKey(f"unknown sealing key {sealing_key_id}", sealing_key_id=sealing_key_id)
        try:
            return box.decrypt(sealed).decode()
        except (CryptoError, ValueError) as error:
            raise Permanent(f"a token cannot be opened with the sealing key {sealing_key_id}") from error


class SealedBoxSealer:
    """Implements `services.notifications.ports.SecretSealer`: seals for this service itself, with
    the newest key.
    """

    def __init__(self, keys: Mapping[str, PrivateKey]) -> None:
        self.key_id, newest = next(iter(keys.items()))
        self._box = SealedBox(newest.public_key)

    def seal(self, text: str) -> bytes:
        return self._box.encrypt(text.encode())


def sealing_keys(directory: Path) -> Mapping[str, PrivateKey]:
    """The private keys by id, newest first. Raises Misconfigured."""
    path = directory / FILE
    try:
        listed = json.loads(path.read_text())["keys"]
        keys = {
            str(entry["key_id"]): PrivateKey(base64.b64decode(entry["private_key"], validate=True)) for entry in listed
        }
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise Misconfigured(f"cannot use {FILE} in WAYPOST_KEYS_DIRECTORY ({directory}): {error}") from error
    if not keys:
        raise Misconfigured(f"{FILE} in WAYPOST_KEYS_DIRECTORY ({directory}) holds no key")
    return keys
