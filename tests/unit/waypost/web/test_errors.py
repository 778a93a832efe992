"""Every failure is a problem document (RFC 9457), and none contains internal details."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter
from pydantic import EmailStr

from tests.fixtures.web import api
from waypost.kernel.errors import (
    ConcurrencyConflict,
    Conflict,
    Forbidden,
    Invalid,
    NewerKind,
    NotFound,
    NotYet,
    Permanent,
    Transient,
    Unauthenticated,
    Unavailable,
)
from waypost.postgres.poolers import PoolerRefused
from waypost.postgres.refused_sessions import SessionRefused
from waypost.testing.http import client_of
from waypost.web.models import RequestModel


class InvoiceNotDraft(Conflict):
    """The invoice is not a draft any more."""


FAILURES: dict[str, Exception] = {
    "invalid": Invalid("no"),
    "unprintable": Invalid("half of a pair: \ud83d"),
    "unauthenticated": Unauthenticated(),
    "forbidden": Forbidden(),
    "not-found": NotFound(),
    "conflict": InvoiceNotDraft(),
    "concurrency": ConcurrencyConflict("invoice", UUID(int=1), 3),
    "not-yet": NotYet(),
    "transient": Transient("connection to 10.0.0.1 refused"),
    "refused-session": SessionRefused("10.0.0.1 refused a session of role users_app"),
    "pooler": PoolerRefused("10.0.0.1 is a connection pooler"),
    "unavailable": Unavailable("the outbox is full", timedelta(seconds=7)),
    "newer-kind": NewerKind("a newer release has stored it", timedelta(seconds=7)),
    "permanent": Permanent("an internal matter"),
    "unknown": RuntimeError("an internal matter"),
}

STATUS = {
    "invalid": 422,
    "unprintable": 422,
    "unauthenticated": 401,
    "forbidden": 403,
    "not-found": 404,
    "conflict": 409,
    "concurrency": 409,
    "not-yet": 503,
    "transient": 503,
    "refused-session": 503,
    "pooler": 503,
    "unavailable": 503,
    "newer-kind": 503,
    "permanent": 500,
    "unknown": 500,
}

routes = APIRouter()


class SignUp(RequestModel):
    email: EmailStr
    password: str
    age: int = 0


@routes.get("/fail/{name}")
async def fail(name: str) -> None:
    raise FAILURES[name]


@routes.post("/sign-up")
async def sign_up(body: SignUp) -> None: ...


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(api(routes)) as client:
        yield client


@pytest.mark.parametrize("name", FAILURES)
async def test_each_error_of_the_tree_has_its_status(client: httpx.AsyncClient, name: str) -> None:
    answer = await client.get(f"/fail/{name}")
    assert answer.status_code == STATUS[name]
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == STATUS[name]
    assert {"type", "title", "detail", "instance", "trace_id"} <= told.keys()
    assert told["instance"] == f"urn:uuid:{answer.headers['x-request-id']}"


async def test_a_message_that_is_not_valid_unicode_is_returned_with_replacements(client: httpx.AsyncClient) -> None:
    answer = await client.get("/fail/unprintable")
    assert (answer.status_code, answer.json()["detail"]) == (422, "half of a pair: ?")


async def test_a_domain_error_is_named_by_its_type(client: httpx.AsyncClient) -> None:
    told = (await client.get("/fail/conflict")).json()
    assert told["type"] == "urn:waypost:problem:invoice-not-draft"
    assert told["title"] == "Invoice not draft"
    assert told["detail"] == "The invoice is not a draft any more."


async def test_a_lost_race_with_if_match_is_412(client: httpx.AsyncClient) -> None:
    assert (await client.get("/fail/concurrency", headers={"If-Match": '"3"'})).status_code == 412


@pytest.mark.parametrize(
    ("name", "seconds"), [("transient", "1"), ("not-yet", "1"), ("unavailable", "7"), ("newer-kind", "7")]
)
async def test_what_may_work_later_says_when(client: httpx.AsyncClient, name: str, seconds: str) -> None:
    assert (await client.get(f"/fail/{name}")).headers["retry-after"] == seconds


@pytest.mark.parametrize("name", ["permanent", "unknown", "transient", "refused-session", "pooler"])
async def test_what_went_wrong_inside_stays_inside(client: httpx.AsyncClient, name: str) -> None:
    text = (await client.get(f"/fail/{name}")).text
    assert "internal matter" not in text
    assert "10.0.0.1" not in text


async def test_a_refused_token_names_the_scheme(client: httpx.AsyncClient) -> None:
    assert (await client.get("/fail/unauthenticated")).headers["www-authenticate"] == "Bearer"


async def test_unknown_routes_and_methods_are_problems_too(client: httpx.AsyncClient) -> None:
    for answer, status in ((await client.get("/nowhere"), 404), (await client.put("/sign-up"), 405)):
        assert (answer.status_code, answer.json()["status"]) == (status, status)
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_wrong_field_is_pointed_at_without_its_value(client: httpx.AsyncClient) -> None:
    body = {"email": "mallory@@secret.example", "password": ["hunter2"], "age": "hunter2", "extra": "hunter2"}
    answer = await client.post("/sign-up", json=body)
    assert answer.status_code == 422
    told = {each["pointer"]: each["detail"] for each in answer.json()["errors"]}
    assert told.keys() == {"/email", "/password", "/age", "/extra"}
    assert told["/email"] == "value is not a valid email address"  # the library's own message also quotes the value
    assert "hunter2" not in answer.text
    assert "mallory" not in answer.text
    assert "secret" not in answer.text


async def test_a_body_that_is_not_declared_as_json_is_415(client: httpx.AsyncClient) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = await client.post("/sign-up", content=b'{"email": "a@b.example"}', headers={"Content-Type": kind})
        assert answer.status_code == 415, kind


async def test_broken_json_is_400(client: httpx.AsyncClient) -> None:
    answer = await client.post("/sign-up", content=b'{"age": 1,}', headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:waypost:problem:malformed-json")
    (told,) = answer.json()["errors"]
    assert (told["pointer"], told["code"]) == ("", "json_invalid"), "there is no document yet to point into"
    assert told["detail"] == "JSON decode error after 10 characters"


async def test_a_request_without_a_route_gets_the_url_of_the_document(client: httpx.AsyncClient) -> None:
    missing = await client.get("/nowhere")
    assert (missing.status_code, missing.json()["type"]) == (404, "urn:waypost:problem:not-found")
    assert "OpenAPI document" in missing.json()["detail"]


async def test_a_refused_method_is_answered_with_the_methods_of_the_path() -> None:
    router = APIRouter()
    router.add_api_route("/things/{name}", lambda name: name, methods=["GET"])
    router.add_api_route("/things/{name}", lambda name: name, methods=["DELETE"])
    async with client_of(api(router)) as client:
        refused = await client.put("/things/one")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, DELETE")
    assert refused.json()["detail"] == "This path supports GET, DELETE, not PUT."
