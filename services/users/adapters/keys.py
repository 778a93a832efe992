"""The key files that this service reads from `WAYPOST_KEYS_DIRECTORY`; `infra.stack.keys` creates
them.

| file                  | contents                                                              |
|-----------------------|-----------------------------------------------------------------------|
| `signing.json`        | the private Ed25519 key of access tokens: a JWK (RFC 8037) with `kid` |
| `sealing.public.json` | `{key_id, public_key}`: X25519 key of notifications, in base64        |
"""

import base64
import json
from pathlib import Path
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from nacl.public import PublicKey

from waypost.kernel.errors import Misconfigured


def signing_key(directory: Path) -> OKPKey:
    """The private key of access tokens. Raises Misconfigured."""
    path = directory / "signing.json"
    document = _read(path)
    try:
        key = OKPKey.import_key(document)
    except (JoseError, ValueError, TypeError) as error:
        raise _unusable(path, "a JWK") from error
    if key.curve_name != "Ed25519" or not key.is_private or not key.kid:
        raise _unusable(path, "a private Ed25519 key with a kid")
    return key


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
