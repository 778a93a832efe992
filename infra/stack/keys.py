"""Makes the key files of a stack: `WAYPOST_KEYS_DIRECTORY` of its services.

| file                   | who reads it  | holds                                                                     |
|------------------------|---------------|---------------------------------------------------------------------------|
| `signing.json`         | users         | private Ed25519 JWK with `kid`: signs access tokens                        |
| `derivation.json`      | users         | `{key}`: 32 random bytes; tenant ids of repeated requests come from it     |
| `sealing.public.json`  | users         | `{key_id, public_key}`: X25519; seals one-time tokens to notifications     |
| `sealing.private.json` | notifications | `{keys: [{key_id, private_key}]}`, newest first: opens them                |
| `answers.json`         | all           | `{key}`: 32 random bytes; keys the hashes of bodies beside idempotency keys |

Bytes are base64. In production each service gets a directory with its own files alone.
"""

import base64
import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from joserfc.jwk import OKPKey
from nacl.public import PrivateKey

PRIVATE = 0o600


def create_keys(directory: Path) -> None:
    """Makes what is missing and leaves the rest alone: tokens that are out stay valid."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    _ensure(directory / "signing.json", _signing_key)
    _ensure(directory / "derivation.json", _random_key)
    _ensure(directory / "answers.json", _random_key)
    private = _ensure(directory / "sealing.private.json", _sealing_keys)
    # Made from the private one, so that a run that was interrupted between the two leaves no pair that does not fit.
    _ensure(directory / "sealing.public.json", lambda: _public(private))


def _ensure(path: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The file's document, made first where there is none. A reader never sees half of it."""
    if not path.exists():
        draft = path.with_suffix(".draft")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE), "w") as file:
            json.dump(make(), file)
        draft.rename(path)
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def _signing_key() -> dict[str, Any]:
    key = OKPKey.generate_key("Ed25519", {"kid": _key_id(), "use": "sig"}, private=True)
    return dict(key.as_dict(private=True))


def _random_key() -> dict[str, str]:
    return {"key": _base64(secrets.token_bytes(32))}


def _sealing_keys() -> dict[str, Any]:
    return {"keys": [{"key_id": _key_id(), "private_key": _base64(bytes(PrivateKey.generate()))}]}


def _public(private: dict[str, Any]) -> dict[str, str]:
    newest = private["keys"][0]
    key = PrivateKey(base64.b64decode(newest["private_key"]))
    return {"key_id": newest["key_id"], "public_key": _base64(bytes(key.public_key))}


def _key_id() -> str:
    return secrets.token_hex(8)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
