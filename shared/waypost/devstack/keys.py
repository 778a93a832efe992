"""Secrets of a project's stack, created once and stored in its folder, closed to other accounts.

secrets.json      passwords of PostgreSQL's roles, the key of stored request hashes
signing.json      private Ed25519 JWK with its kid (RFC 8037): signs development tokens
"""

import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from joserfc.jwk import OKPKey

from waypost.devstack.requests import write_whole
from waypost.kernel.ids import new_id
from waypost.postgres.provisioning.roles import DatabaseRole, Passwords

ENTROPY_BYTES = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    superuser: str
    idempotency: str
    """Each service has a secret that is derived from it (`idempotency_of`)."""
    roles: Mapping[str, Mapping[str, str]]

    def idempotency_of(self, service: str) -> str:
        """Keys the hashes of request bodies that the service stores with idempotency keys. No
        service can compute that of another one.
        """
        return hmac.new(self.idempotency.encode(), service.encode(), "sha256").hexdigest()

    def passwords(self, service: str) -> Passwords:
        return {role: self.roles[service][role.value] for role in DatabaseRole}


def load_or_make_secrets(directory: Path, services: Sequence[str]) -> Secrets:
    """Loads the existing secrets, creates the missing ones. The caller holds the stack's lock."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = directory / "secrets.json"
    stored = json.loads(file.read_text()) if file.exists() else {}
    roles: Mapping[str, Mapping[str, str]] = stored.get("roles", {})
    complete = Secrets(
        superuser=stored.get("superuser") or _secret(),
        idempotency=stored.get("idempotency") or _secret(),
        roles={**roles, **{service: _role_passwords() for service in services if service not in roles}},
    )
    write_whole(file, json.dumps(asdict(complete), indent=2), mode=0o600)
    return complete


def load_or_make_signing_key(directory: Path) -> Path:
    """Returns the file of the signing key; creates the key if it does not exist."""
    file = directory / "signing.json"
    if not file.exists():
        key = OKPKey.generate_key("Ed25519", {"kid": str(new_id()), "alg": "EdDSA", "use": "sig"})
        write_whole(file, json.dumps(key.as_dict(private=True)), mode=0o600)
    return file


def read_signing_key(file: Path) -> OKPKey:
    return OKPKey.import_key(json.loads(file.read_text()))


def _role_passwords() -> Mapping[str, str]:
    return {role.value: _secret() for role in DatabaseRole}


def _secret() -> str:
    return secrets.token_urlsafe(ENTROPY_BYTES)
