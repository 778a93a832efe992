"""A token is verified at each request; only the proof of its signature is remembered."""

from datetime import timedelta

import pytest
from joserfc.jwk import OKPKey

from waypost.kernel.errors import Unauthenticated
from waypost.testing.clock import MovableClock
from waypost.web import tokens
from waypost.web.tokens import ACCESS_SECONDS, SKEW_SECONDS, TokenVerifier, sign


class Keys:
    def __init__(self) -> None:
        self.current = new_key()

    async def find(self, key_id: str) -> OKPKey:
        return self.current


def new_key() -> OKPKey:
    return OKPKey.generate_key("Ed25519", {"kid": "k"})


async def test_accepted_token_is_refused_after_its_expiry() -> None:
    clock, keys = MovableClock(), Keys()
    verifier, token = TokenVerifier(keys, clock), sign({"sub": "ada"}, keys.current, at=clock.now())
    assert (await verifier.verify(token))["sub"] == "ada"
    clock.move(timedelta(seconds=ACCESS_SECONDS + SKEW_SECONDS + 1))
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)


async def test_accepted_token_is_refused_after_its_key_was_replaced() -> None:
    clock, keys = MovableClock(), Keys()
    verifier, token = TokenVerifier(keys, clock), sign({"sub": "ada"}, keys.current, at=clock.now())
    await verifier.verify(token)
    keys.current = new_key()
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)


async def test_claims_that_a_caller_receives_cannot_be_changed() -> None:
    clock, keys = MovableClock(), Keys()
    claims = await TokenVerifier(keys, clock).verify(sign({"sub": "ada"}, keys.current, at=clock.now()))
    with pytest.raises(TypeError):
        claims["sub"] = "eve"  # type: ignore[index]


async def test_number_of_remembered_tokens_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "REMEMBERED_TOKENS", 2)
    clock, keys = MovableClock(), Keys()
    verifier = TokenVerifier(keys, clock)
    for name in ("ada", "bob", "eve", "ada"):
        claims = await verifier.verify(sign({"sub": name}, keys.current, at=clock.now()))
        assert claims["sub"] == name
        assert len(verifier._proven) <= 2
