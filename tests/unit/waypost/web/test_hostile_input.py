"""Every request gets a finite answer other than 500."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import EmailStr, Field

from tests.fixtures.web import api
from waypost.testing.http import client_of
from waypost.web.body import MAX_BODY_BYTES
from waypost.web.models import Currency, Name, RequestModel
from waypost.web.pagination import PageRequest, paged_by
from waypost.web.responses import ExpectedVersion

routes = APIRouter()


class Line(RequestModel):
    description: Name
    quantity: int
    unit_amount_minor: int


class Order(RequestModel):
    email: EmailStr
    currency: Currency
    lines: tuple[Line, ...] = ()
    labels: dict[str, str] = Field(default_factory=dict)
    note: str | None = None


@routes.post("/orders")
async def order(body: Order) -> int:
    kept = body.model_dump_json()
    assert "\\u0000" not in kept  # what PostgreSQL could not hold never gets here
    assert all(abs(line.quantity) < 2**63 for line in body.lines)
    return len(kept.encode())


@routes.get("/orders/{id}")
async def one(id: UUID, version: ExpectedVersion) -> UUID:  # noqa: A002
    return id


@routes.get("/orders")
async def many(page: Annotated[PageRequest[UUID], paged_by(UUID)]) -> int:
    return page.limit


@routes.get("/search/{text}")
async def search(text: str, more: str = "") -> list[str]:
    assert "\0" not in text + more  # nor could it be asked for this
    return [text, more]


@routes.post("/read-nothing")
async def read_nothing() -> None: ...


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(api(routes)) as client:
        yield client


NASTY = [
    b"",
    b"\xff\xfe\x00",
    b"\x00",
    b"null",
    b"[" * 30_000,
    b'{"a":' * 10_000,
    b'{"note": "\\u0000"}',
    b'{"note": "\\ud800"}',
    b'{"\\ud800": 1}',
    b'{"note": NaN, "currency": Infinity}',
    b'{"lines": [{"quantity": ' + b"9" * 5_000 + b"}]}",
    b'{"lines": [{"quantity": 1e400}]}',
    '{"email": "\ud83d\ude00@\u202e.example"}'.encode("utf-16", "surrogatepass"),
]

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None))
    | st.sampled_from(["\0", "\ud800", "a@b.example", "EUR"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec=None)), inner),
    max_leaves=20,
)

orders = st.fixed_dictionaries(
    {},
    optional={
        "email": st.sampled_from(["a@b.example", "a\0@b.example", ""]) | json_values,
        "currency": st.sampled_from(["EUR", "EUR\n", "\0"]) | json_values,
        "lines": st.lists(
            st.fixed_dictionaries(
                {"description": st.text() | json_values, "quantity": st.integers() | json_values},
                optional={"unit_amount_minor": st.integers() | json_values},
            )
        )
        | json_values,
        "labels": st.dictionaries(st.text(st.characters(codec=None)), st.text(st.characters(codec=None))) | json_values,
        "note": json_values,
    },
)


def expect_refusal_or_answer(answer: httpx.Response) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code


async def post(client: httpx.AsyncClient, body: bytes, kind: str = "application/json") -> httpx.Response:
    return await client.post("/orders", content=body, headers={"Content-Type": kind})


@pytest.mark.parametrize("body", NASTY, ids=range(len(NASTY)))
async def test_known_nasty_bodies(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await post(client, body)
    assert 400 <= answer.status_code < 500
    expect_refusal_or_answer(answer)


GOOD: Mapping[str, Any] = {"email": "a@b.example", "currency": "EUR"}
LINE: Mapping[str, Any] = {"description": "tea", "quantity": 1, "unit_amount_minor": 1}


async def test_a_good_order_is_taken(client: httpx.AsyncClient) -> None:
    assert (await client.post("/orders", json={**GOOD, "lines": [LINE], "labels": {"a": "b"}})).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"note": "a\0b"},
        {"note": "\ud800"},
        {"labels": {"a\0": "b"}},
        {"labels": {"a": "b\0"}},
        {"labels": {"\ud800": 1}},
        {"lines": [{**LINE, "description": "\0"}]},
        {"lines": [{**LINE, "quantity": 2**63}]},
        {"lines": [{**LINE, "quantity": -(2**63) - 1}]},
        {"note": "a" * 10_001},
        {"currency": "EUR\n"},
        {"\ud800": 1},
    ],
    ids=str,
)
async def test_what_could_not_be_stored_is_refused(client: httpx.AsyncClient, wrong: Mapping[str, Any]) -> None:
    answer = await post(client, json.dumps({**GOOD, **wrong}).encode())
    assert answer.status_code == 422
    expect_refusal_or_answer(answer)


@settings(max_examples=200)
@given(body=orders | json_values)
async def test_any_json(client: httpx.AsyncClient, body: Any) -> None:
    expect_refusal_or_answer(await post(client, json.dumps(body).encode()))


@settings(max_examples=100)
@given(
    body=st.binary(), kind=st.sampled_from(["application/json", "application/problem+json", "text/plain", "*", "a/b;"])
)
async def test_any_bytes(client: httpx.AsyncClient, body: bytes, kind: str) -> None:
    expect_refusal_or_answer(await post(client, body, kind))


@settings(max_examples=100)
@given(cursor=st.text(), limit=st.text() | st.integers().map(str), tag=st.binary(max_size=40))
async def test_any_query_and_any_tag(client: httpx.AsyncClient, cursor: str, limit: str, tag: bytes) -> None:
    text = cursor.encode("utf-8", "surrogatepass").hex()
    query = "".join(f"%{text[at : at + 2]}" for at in range(0, len(text), 2))
    expect_refusal_or_answer(await client.get(f"/orders?cursor={query}&limit=9{len(limit)}"))
    expect_refusal_or_answer(await client.get("/orders", params={"limit": limit}))
    expect_refusal_or_answer(await client.get(f"/orders/{UUID(int=1)}", headers=[(b"if-match", tag)]))


@pytest.mark.parametrize(
    "url", ["/search/a%00", "/search/a?more=%00", "/search/a?%00=1", "/orders/%00", "/orders/%ff", "/%00"]
)
async def test_urls_that_are_no_text(client: httpx.AsyncClient, url: str) -> None:
    answer = await client.get(url)
    assert 400 <= answer.status_code < 500
    expect_refusal_or_answer(answer)


async def chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(0, size, 1024):
        yield b"a" * 1024


@pytest.mark.parametrize("path", ["/orders", "/read-nothing"])
async def test_a_body_over_the_cap_is_refused_by_its_length(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.post(path, content=b"a" * (MAX_BODY_BYTES + 1), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    expect_refusal_or_answer(answer)


async def test_a_chunked_body_over_the_cap_is_refused_while_it_comes(client: httpx.AsyncClient) -> None:
    for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x"):
        answer = await client.post("/orders", content=chunks(MAX_BODY_BYTES + 1024), headers={"Content-Type": kind})
        assert answer.status_code == 413
        expect_refusal_or_answer(answer)


async def test_a_body_at_the_cap_is_read(client: httpx.AsyncClient) -> None:
    note = "a" * 9_000
    body = json.dumps({"email": "a@b.example", "currency": "EUR", "note": note}).encode().ljust(MAX_BODY_BYTES)
    assert (await post(client, body)).status_code == 200
