"""Access tokens with one thing wrong, as an attacker may send them."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import OKPKey

from waypost.kernel.ids import new_id
from waypost.project import project

Claims = Mapping[str, Any]
Sign = Callable[[bytes], bytes]


def encoded(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return urlsafe_b64encode(raw).decode().rstrip("=")


def compact(header: object, payload: object, sign: Sign) -> str:
    signed = f"{encoded(header)}.{encoded(payload)}"
    return f"{signed}.{encoded(sign(signed.encode()))}"


def shared_secret(secret: bytes, digest: str = "sha256") -> Sign:
    return lambda signed: hmac.new(secret, signed, digest).digest()


class TokenForger:
    """Knows the public key, and for the defects of the claims also the private one."""

    def __init__(self, key: OKPKey, claims: Claims, now: datetime) -> None:
        """`claims` identify the caller."""
        self._key = key
        self._sign: Sign = key.private_key.sign  # type: ignore[union-attr]  # an Ed25519 key
        at = int(now.timestamp())
        own = {"iss": project().token_issuer, "aud": project().token_audience, "jti": str(new_id())}
        self.claims: Claims = {**claims, **own, "iat": at, "nbf": at, "exp": at + 600}
        self.header: Mapping[str, Any] = {"alg": "EdDSA", "kid": key.kid, "typ": "at+jwt"}
        self._at = at

    @property
    def valid(self) -> str:
        return self.with_claims()

    def with_claims(self, without: str = "", **changed: Any) -> str:
        claims = {name: value for name, value in ({**self.claims, **changed}).items() if name != without}
        return compact(self.header, claims, self._sign)

    def with_header(self, sign: Sign | None = None, **changed: Any) -> str:
        header = {name: value for name, value in ({**self.header, **changed}).items() if value is not ...}
        return compact(header, self.claims, sign or self._sign)

    def forged(self) -> Iterator[tuple[str, str]]:
        """Name and token. None of them is valid."""
        yield from self._algorithms()
        yield from self._keys()
        yield from self._claims()
        yield from self._signatures()
        yield from self._shapes()

    def _algorithms(self) -> Iterator[tuple[str, str]]:
        for name in ("none", "None", "NONE", "nOnE", ""):
            yield f"alg {name!r} without a signature", self.with_header(lambda _: b"", alg=name)
            yield f"alg {name!r}", self.with_header(alg=name)
        public = self._key.as_dict(private=False)
        secrets = {
            "raw": self._key.public_key.public_bytes(Encoding.Raw, PublicFormat.Raw),
            "PEM": self._key.as_pem(private=False),
            "JWK": json.dumps(public).encode(),
            "x of the JWK": str(public["x"]).encode(),
            "empty": b"",
        }
        for name, secret in secrets.items():
            for algorithm, digest in (("HS256", "sha256"), ("HS512", "sha512")):
                yield (
                    f"{algorithm} with the public key, {name}",
                    self.with_header(shared_secret(secret, digest), alg=algorithm),
                )
            yield f"HMAC under alg EdDSA, {name}", self.with_header(shared_secret(secret))
        odd: tuple[Any, ...] = ("Ed25519", "eddsa", "ES256", "RS256", "PS256", None, 1, ["EdDSA"], {"alg": "EdDSA"})
        for algorithm_of_header in odd:
            yield f"alg {algorithm_of_header!r}, rightly signed", self.with_header(alg=algorithm_of_header)
        yield "no alg", self.with_header(alg=...)

    def _keys(self) -> Iterator[tuple[str, str]]:
        other = OKPKey.generate_key("Ed25519", {"kid": str(self._key.kid), "use": "sig"})
        sign: Sign = other.private_key.sign  # type: ignore[union-attr]
        yield "another key with this kid", self.with_header(sign)
        yield "another key in the header", self.with_header(sign, jwk=other.as_dict(private=False))
        for name in ("jku", "x5u"):
            yield f"a key behind {name}", self.with_header(sign, **{name: "http://127.0.0.1:1/jwks.json"})
        yield "a certificate in the header", self.with_header(sign, x5c=["MA=="])
        ids: tuple[Any, ...] = (
            "",
            "unknown",
            "../../../../dev/null",
            "' or 1=1 --",
            "\0",
            "x" * 2_000,
            None,
            1,
            ["a"],
            {},
        )
        for kid in ids:
            yield f"kid {str(kid)[:30]!r}", self.with_header(kid=kid)
        yield "no kid", self.with_header(kid=...)
        for typ in ("JWT", "jwt", "", "id_token", None, 1):
            yield f"typ {typ!r}", self.with_header(typ=typ)
        yield "no typ", self.with_header(typ=...)
        yield "unknown crit", self.with_header(crit=["stolen"], stolen=True)

    def _claims(self) -> Iterator[tuple[str, str]]:
        at = self._at
        wrong: Mapping[str, tuple[Any, ...]] = {
            "exp": (at - 6, 0, -1, str(at + 600), None, True, [], 1e400, "Infinity"),
            "nbf": (at + 3_600, 32_503_680_000, str(at), None, True, {}),
            "iss": ("other", "", None, [], [project().token_issuer + "x"], 1),
            "aud": ("other", "", None, [], ["other"], 1),
            "sub": (None, [], {}),
        }
        for name, values in wrong.items():
            for value in values:
                yield f"{name} {value!r}", self.with_claims(**{name: value})
        for name in ("exp", "nbf", "iss", "aud", "sub"):
            yield f"no {name}", self.with_claims(without=name)

    def _signatures(self) -> Iterator[tuple[str, str]]:
        head, payload, signature = self.valid.split(".")
        stolen = encoded({**self.claims, "tenant_id": str(new_id()), "role": "owner", "scope": "ops"})
        yield "the signature of other claims", f"{head}.{stolen}.{signature}"
        yield "no signature", f"{head}.{payload}."
        yield "two parts", f"{head}.{payload}"
        yield "a cut signature", f"{head}.{payload}.{signature[:-4]}"
        yield "a longer signature", f"{head}.{payload}.{signature}AAAA"
        yield "zeros", f"{head}.{payload}.{encoded(bytes(64))}"
        yield "a digest", f"{head}.{payload}.{encoded(hashlib.sha512(payload.encode()).digest())}"
        for at in (0, 31, 63):
            changed = bytearray(self._sign(f"{head}.{payload}".encode()))
            changed[at] ^= 1
            yield f"a changed bit in byte {at}", f"{head}.{payload}.{encoded(bytes(changed))}"

    def _shapes(self) -> Iterator[tuple[str, str]]:
        head, payload, signature = self.valid.split(".")
        odd = {
            "a list": [],
            "a text": "alg",
            "a number": 1,
            "null": None,
            "not UTF-8": b"\xff\xfe",
            "not JSON": b"{",
            "empty": b"",
        }
        for name, part in odd.items():
            yield f"header is {name}", compact(part, self.claims, self._sign)
            yield f"claims are {name}", compact(self.header, part, self._sign)
        yield "deep claims", compact(self.header, b"[" * 900 + b"]" * 900, self._sign)
        yield "four parts", f"{self.valid}.{signature}"
        yield "five parts", f"{head}.{payload}.{signature}.{payload}.{signature}"
        yield "padded", f"{head}.{payload}.{signature}=="
        yield "a space inside", f"{head}. {payload}.{signature}"
        yield "huge", self.with_claims(more="x" * 60_000)
        yield "long", self.with_claims(more="x" * 4_000)
        yield "only dots", ".."
        yield "a JSON serialization", json.dumps({"protected": head, "payload": payload, "signature": signature})
