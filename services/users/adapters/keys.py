"""The key files that this service reads from `WAYPOST_KEYS_DIRECTORY`; `infra.stack.keys` creates
them.

| file                  | contents                                                              |
|-----------------------|-----------------------------------------------------------------------|
| `signing.json`        | the private Ed25519 keys of tokens: see `waypost.web.signing_keys`    |
| `sealing.public.json` | `{key_id, public_key}`: X25519 key of notifications, in base64        |
"""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from joserfc.jwk import OKPKey
from nacl.public import PublicKey

from waypost.kernel.clock import SystemClock
from waypost.kernel.errors import Misconfigured
from waypost.web.signing_keys import SigningKeyFile, SigningKeys

SIGNING = "signing.json"


def signing_key(directory: Path) -> OKPKey:
    """The private key that signs access tokens now. Raises Misconfigured."""
    return _signing_keys(directory / SIGNING).signer(datetime.now(UTC))


def signing_key_file(directory: Path) -> SigningKeyFile:
    """All keys of access tokens, as the file changes. Raises Misconfigured."""
    return SigningKeyFile(directory / SIGNING, SystemClock(), _signing_keys)


def _signing_keys(path: Path) -> SigningKeys:
    document = _read(path)
    try:
        return SigningKeys.of(document)
    except ValueError as error:
        raise _unusable(path, f"a private Ed25519 JWK with a kid, or a set of them: {error}") from error


def sealing_key(directory: Path) -> tuple[str, PublicKey]:
    """The key's id and the key. Raises Misconfigured."""
    path = directory / "sealing.public.json"
    document = _read(path)
    try:
        return str(document["key_id"]), PublicKey(base64.b64decode(document["public_key"], validate=True))
    except (KeyError, TypeError, ValueError) as error:
        raise _unusable(path, "a key_id and an X25519 public_key in base64") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise Misconfigured(
            f"cannot read {path.name} in WAYPOST_KEYS_DIRECTORY ({path.parent}): {error}", path=str(path)
        ) from error
    if not isinstance(document, dict):
        raise _unusable(path, "a JSON object")
    return document


def _unusable(path: Path, wanted: str) -> Misconfigured:
    return Misconfigured(f"{path.name} in WAYPOST_KEYS_DIRECTORY ({path.parent}) is not {wanted}", path=str(path))
