"""Secrets of one stack, created once and stored in `.waypost/<base>/keys`, closed to other
accounts. They are never committed.

    secrets.json                        passwords of PostgreSQL's roles, webhook secret, hash key
    users/signing.json                  private Ed25519 JWK with its kid (RFC 8037)
    users/sealing.public.json           {key_id, public_key}: notifications' X25519 key
    notifications/sealing.private.json  {keys: [{key_id, private_key}]}, newest first
    billing/                            empty

users signs access tokens, and seals one-time tokens for notifications. Keys of X25519 are 32 bytes
in base64. An old private key stays until no token sealed to it is valid.
"""

import base64
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from joserfc.jwk import OKPKey
from nacl.public import PrivateKey

from infra import services
from waypost.kernel.ids import new_id
from waypost.postgres.provisioning.roles import DatabaseRole, Passwords

ENTROPY_BYTES = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    superuser: str
    payments_webhook: str
    idempotency: str
    """Each service has a secret that is derived from it (`idempotency_of`)."""
    roles: dict[str, dict[str, str]]

    def idempotency_of(self, service: str) -> str:
        """Keys the hashes of request bodies that the service stores with idempotency keys. No
        service can compute that of another one.
        """
        return hmac.new(self.idempotency.encode(), service.encode(), "sha256").hexdigest()

    def passwords(self, service: str) -> Passwords:
        return {role: self.roles[service][role.value] for role in DatabaseRole}

    @property
    def all_passwords(self) -> Mapping[str, Passwords]:
        return {service: self.passwords(service) for service in self.roles}


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    directory: Path
    secrets: Secrets

    def of(self, service: str) -> Path:
        """The keys that this service's processes may read."""
        return self.directory / service


def load_or_make_keys(directory: Path) -> Keys:
    """Loads the existing keys and creates the missing ones. The caller holds the stack's lock."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for service in services.SERVICES:
        (directory / service).mkdir(exist_ok=True, mode=0o700)
    _ensure_signing_key(directory / "users" / "signing.json")
    _ensure_sealing_key(
        directory / "users" / "sealing.public.json", directory / "notifications" / "sealing.private.json"
    )
    return Keys(directory=directory, secrets=_load_or_make_secrets(directory / "secrets.json"))


def _load_or_make_secrets(file: Path) -> Secrets:
    stored = json.loads(file.read_text()) if file.exists() else {}
    roles = stored.get("roles", {})
    complete = Secrets(
        superuser=stored.get("superuser") or _secret(),
        payments_webhook=stored.get("payments_webhook") or _secret(),
        idempotency=stored.get("idempotency") or _secret(),
        roles={
            service: roles.get(service) or {role.value: _secret() for role in DatabaseRole}
            for service in services.SERVICES
        },
    )
    _write_private(file, json.dumps(asdict(complete), indent=2))
    return complete


def _ensure_signing_key(file: Path) -> None:
    if file.exists():
        return
    key = OKPKey.generate_key("Ed25519", {"kid": str(new_id()), "alg": "EdDSA", "use": "sig"})
    _write_private(file, json.dumps(key.as_dict(private=True)))


def _ensure_sealing_key(public: Path, private: Path) -> None:
    # Writes the private key first: tokens sealed to a public key alone could never be opened.
    if not private.exists():
        fresh = {"key_id": str(new_id()), "private_key": base64.b64encode(bytes(PrivateKey.generate())).decode()}
        _write_private(private, json.dumps({"keys": [fresh]}))
    newest = json.loads(private.read_text())["keys"][0]
    key = PrivateKey(base64.b64decode(newest["private_key"])).public_key
    _write_private(
        public, json.dumps({"key_id": newest["key_id"], "public_key": base64.b64encode(bytes(key)).decode()})
    )


def _secret() -> str:
    return secrets.token_urlsafe(ENTROPY_BYTES)


def _write_private(file: Path, text: str) -> None:
    """Writes atomically: a partial secrets file would make the stack's data inaccessible."""
    unfinished = file.with_suffix(".unfinished")
    unfinished.touch(mode=0o600)
    unfinished.write_text(text)
    unfinished.replace(file)
