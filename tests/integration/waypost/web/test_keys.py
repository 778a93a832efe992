"""Public keys from a real server that comes and goes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from joserfc.jwk import OKPKey
from starlette.responses import JSONResponse, Response, StreamingResponse

from tests.fixtures.web import api
from waypost.kernel.errors import Unauthenticated, Unavailable
from waypost.testing.http import client_of
from waypost.testing.tokens import bearer, principal
from waypost.web import keys as keys_module
from waypost.web.keys import PublishedKeys
from waypost.web.server import HttpServer


def key(key_id: str) -> OKPKey:
    return OKPKey.generate_key("Ed25519", {"kid": key_id, "use": "sig"})


class Publisher:
    """The users service, as far as keys go."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.answer: Response | None = None
        self.asked = 0
        routes = APIRouter()
        routes.add_api_route("/jwks.json", self.publish)
        self.server = HttpServer(api(routes), port=0)

    async def publish(self) -> Response:
        self.asked += 1
        return self.answer or JSONResponse({"keys": self.keys})

    def add(self, *keys: OKPKey) -> None:
        self.keys += [dict(each.as_dict(private=False)) for each in keys]


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    publisher = Publisher()
    await publisher.server.start()
    yield publisher
    await publisher.server.stop()


@pytest.fixture
async def published(publisher: Publisher) -> AsyncIterator[PublishedKeys]:
    async with httpx.AsyncClient() as client:
        yield PublishedKeys(f"http://127.0.0.1:{publisher.server.port}/jwks.json", client)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_module, "PAUSE_SECONDS", 0.0)


async def test_keys_are_fetched_once(publisher: Publisher, published: PublishedKeys) -> None:
    first, second = key("1"), key("2")
    publisher.add(first, second)
    for _ in range(10):
        assert (await published.find("1")).thumbprint() == first.thumbprint()
        assert (await published.find("2")).thumbprint() == second.thumbprint()
    assert publisher.asked == 1


async def test_known_keys_outlive_the_issuer(publisher: Publisher, published: PublishedKeys) -> None:
    publisher.add(key("1"))
    await published.find("1")
    await publisher.server.stop()
    assert (await published.find("1")).kid == "1"


@pytest.mark.usefixtures("impatient")
async def test_stale_keys_outlive_the_issuer(
    publisher: Publisher, published: PublishedKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys_module, "FRESH_SECONDS", 0.0)
    publisher.add(key("1"))
    await published.find("1")
    await publisher.server.stop()
    assert (await published.find("1")).kid == "1"


@pytest.mark.usefixtures("impatient")
async def test_an_unknown_key_is_asked_for(publisher: Publisher, published: PublishedKeys) -> None:
    publisher.add(key("1"))
    await published.find("1")
    publisher.add(key("2"))
    assert (await published.find("2")).kid == "2"


async def test_made_up_key_ids_are_no_load(publisher: Publisher, published: PublishedKeys) -> None:
    publisher.add(key("1"))
    for number in range(50):
        with pytest.raises(Unauthenticated):
            await published.find(f"made-up-{number}")
    assert publisher.asked == 1


async def test_without_an_issuer_a_token_cannot_be_verified(publisher: Publisher, published: PublishedKeys) -> None:
    await publisher.server.stop()
    with pytest.raises(Unavailable):
        await published.find("1")


async def test_an_issuer_that_answers_without_end_is_given_up(
    publisher: Publisher, published: PublishedKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.05)

    monkeypatch.setattr(keys_module, "FETCH_TIMEOUT_SECONDS", 0.3)
    publisher.answer = StreamingResponse(pieces())
    with pytest.raises(Unavailable):
        await published.find("1")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "answer",
    [
        Response(status_code=500),
        Response(b"<html>"),
        JSONResponse([]),
        JSONResponse({"keys": ["x"]}),
        JSONResponse({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "1", "use": "sig", "x": "!"}]}),
    ],
    ids=lambda answer: bytes(answer.body).decode() or "500",
)
async def test_a_broken_answer_changes_nothing(
    publisher: Publisher, published: PublishedKeys, answer: Response
) -> None:
    publisher.add(key("1"))
    await published.find("1")
    publisher.answer = answer
    with pytest.raises(Unavailable):
        await published.find("2")
    assert (await published.find("1")).kid == "1"


async def test_only_signing_keys_of_the_right_curve_count(publisher: Publisher, published: PublishedKeys) -> None:
    publisher.add(
        OKPKey.generate_key("Ed448", {"kid": "448", "use": "sig"}), OKPKey.generate_key("X25519", {"kid": "x"})
    )
    for key_id in ("448", "x"):
        with pytest.raises(Unauthenticated):
            await published.find(key_id)


async def test_a_service_verifies_what_another_signed(publisher: Publisher, published: PublishedKeys) -> None:
    signing, routes = key("1"), APIRouter()
    publisher.add(signing)
    from waypost.web.auth import Caller

    @routes.get("/me")
    async def me(caller: Caller) -> None: ...

    async with client_of(api(routes, keys=published)) as client:
        assert (await client.get("/me", headers=bearer(principal(), key=signing))).status_code == 200
        assert (await client.get("/me", headers=bearer(principal(), key=key("1")))).status_code == 401
