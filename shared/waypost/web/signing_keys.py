"""The private keys that sign access tokens: one file, which an operator may replace while the
processes run.

The file is one JWK, or a JWK set (RFC 7517) of private Ed25519 keys, each with a `kid`. The member
`nbf` of a key is the Unix time from which it signs; a key without it has always signed. At any time
the newest of the keys that sign already signs new tokens. A key is published before it signs, so
that other services know it, and stays accepted until the last token that it signed has ended.
"""

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import structlog
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from waypost.kernel.clock import Clock
from waypost.kernel.errors import Conflict, Misconfigured, Unauthenticated
from waypost.kernel.ids import new_id

log = structlog.get_logger()

ANNOUNCED_FOR = timedelta(minutes=20)
"""Time from the publication of a key to its first signature. Longer than the keys that another
service fetched stay fresh (10 minutes), and a cache of HTTP in between (5 minutes).
"""
ACCEPTED_FOR = timedelta(minutes=65)
"""Time for which a key is accepted after its last signature: longer than the longest token."""
CHECK_SECONDS = 1.0
"""Minimum time between two looks at the file."""


class RotationUnderWay(Conflict):
    """The next key is published already, and does not sign yet."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    key: OKPKey
    signs_from: datetime


@dataclass(frozen=True, slots=True)
class SigningKeys:
    keys: Sequence[SigningKey]
    """At least one, in the order in which they sign."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """From the file's JSON. Raises ValueError for anything else."""
        listed = document.get("keys", [document])
        if not isinstance(listed, list) or not listed:
            raise ValueError("the file holds no keys")
        keys = sorted((_signing_key(each) for each in listed), key=lambda each: each.signs_from)
        if len({each.key.kid for each in keys}) < len(keys):
            raise ValueError("two keys have the same kid")
        return cls(keys)

    def signer(self, at: datetime) -> OKPKey:
        """The key that signs at this time."""
        return self._signing(at).key

    def accepted(self, at: datetime) -> Sequence[OKPKey]:
        """The keys that verify: the present one, the announced ones, and earlier ones until their
        tokens have ended.
        """
        ends = [following.signs_from + ACCEPTED_FOR for following in self.keys[1:]]
        return [
            each.key for each, end in zip(self.keys, [*ends, datetime.max.replace(tzinfo=UTC)], strict=True) if at < end
        ]

    def rotated(self, at: datetime, *, announced_for: timedelta, ends_others: bool) -> Self:
        """With a new key that signs after `announced_for`, and without keys that are no longer
        accepted. `ends_others`: without any other key. Raises RotationUnderWay.
        """
        if not ends_others and self.keys[-1].signs_from > at:
            raise RotationUnderWay(
                f"the key {self.keys[-1].key.kid} signs from {self.keys[-1].signs_from:%Y-%m-%d %H:%M:%S} UTC:"
                " rotate after that, or end all keys with --end-others"
            )
        fresh = OKPKey.generate_key("Ed25519", {"kid": str(new_id()), "alg": "EdDSA", "use": "sig"})
        added = SigningKey(fresh, (at + announced_for).replace(microsecond=0))
        kept = {each.kid for each in self.accepted(at)}
        others = [] if ends_others else [each for each in self.keys if each.key.kid in kept]
        return type(self)([*others, added])

    def document(self) -> Mapping[str, Any]:
        """The JSON of the file."""
        return {
            "keys": [{**each.key.as_dict(private=True), "nbf": int(each.signs_from.timestamp())} for each in self.keys]
        }

    def _signing(self, at: datetime) -> SigningKey:
        return next((each for each in reversed(self.keys) if each.signs_from <= at), self.keys[0])


class SigningKeyFile:
    """The keys of the file as it is now. Implements `waypost.web.tokens.KeySource`.

    A file that cannot be read or parsed after the start is logged, and the keys from before stay.
    It is read again until it can be: a repaired permission does not change its time.
    """

    def __init__(self, path: Path, clock: Clock, read: Callable[[Path], SigningKeys]) -> None:
        """`read` raises Misconfigured, also here."""
        self._path, self._clock, self._read = path, clock, read
        self._stamp = _stamp(path)
        self._keys = read(path)
        self._checked_at = time.monotonic()

    async def find(self, key_id: str) -> OKPKey:
        for key in self._current().accepted(self._clock.now()):
            if key.kid == key_id:
                return key
        raise Unauthenticated("the token is signed with an unknown key")

    def signer(self) -> OKPKey:
        """The private key for new tokens."""
        return self._current().signer(self._clock.now())

    def published(self) -> Mapping[str, Any]:
        """The public keys as a JWK set (RFC 7517)."""
        return {"keys": [_public(key) for key in self._current().accepted(self._clock.now())]}

    def _current(self) -> SigningKeys:
        now = time.monotonic()
        if now - self._checked_at >= CHECK_SECONDS:
            self._checked_at = now
            stamp = _stamp(self._path)
            if stamp != self._stamp:
                self._reload(stamp)
        return self._keys

    def _reload(self, stamp: object) -> None:
        try:
            self._keys = self._read(self._path)
        except Misconfigured as error:
            log.error("signing_keys_not_reloaded", error=str(error))
        else:
            log.info("signing_keys_reloaded", keys=[each.key.kid for each in self._keys.keys])
            self._stamp = stamp


def replace_key_file(path: Path, keys: SigningKeys) -> None:
    """Writes atomically, with the mode and, where it differs, the owner of the present file."""
    present = path.stat()
    unfinished = path.with_name(f".{path.name}.{new_id()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(keys.document(), file)
            file.flush()
            os.fsync(file.fileno())
        if (present.st_uid, present.st_gid) != (os.geteuid(), os.getegid()):
            os.chown(unfinished, present.st_uid, present.st_gid)
        unfinished.chmod(present.st_mode & 0o777)
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _signing_key(document: object) -> SigningKey:
    """Raises ValueError."""
    if not isinstance(document, dict):
        raise ValueError("a key is a JSON object")
    signs_from = document.get("nbf", 0)
    if type(signs_from) is not int or not 0 <= signs_from < 2**33:
        raise ValueError("nbf of a key is a Unix time in whole seconds")
    members = {name: value for name, value in document.items() if name != "nbf"}
    try:
        key = OKPKey.import_key(members)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise ValueError("a key is not a JWK") from error
    if key.curve_name != "Ed25519" or not key.is_private or not key.kid:
        raise ValueError("a key is not a private Ed25519 key with a kid")
    return SigningKey(key, datetime.fromtimestamp(signs_from, UTC))


def _public(key: OKPKey) -> Mapping[str, Any]:
    return {**key.as_dict(private=False), "alg": "EdDSA", "use": "sig"}


def _stamp(path: Path) -> object:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
