"""No forged, changed, expired or misplaced token is accepted by any service, and none causes a
5xx.
"""

from typing import Any

import pytest

from tests.security.forged_tokens import TokenForger, encoded
from tests.security.operations import Operation, Operations
from tests.security.target import Target
from waypost.kernel.ids import new_id
from waypost.web.principal import Operator


def listing(target: Target, *, of_operators: bool) -> Operation:
    """A list that every caller of the kind may read."""
    return next(
        each
        for each in Operations(target.app).all
        if each.method == "GET"
        and not each.slots
        and each.is_for_operators == of_operators
        and not each.is_public
        and each.path != "/ops/consumers"  # asks Kafka
    )


@pytest.fixture
def forger(target: Target) -> TokenForger:
    return TokenForger(target.signing_key, target.claims, target.service.clock.now())


async def status(target: Target, path: str, *authorization: str) -> int:
    headers = [(b"authorization", each.encode()) for each in authorization]
    answer = await target.http.get(path, headers=headers)
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
    return answer.status_code


async def test_no_forged_token_is_accepted(target: Target, forger: TokenForger) -> None:
    path = listing(target, of_operators=False).path
    assert await status(target, path, f"Bearer {forger.valid}") == 200
    forged = dict(forger.forged())
    answers = {name: await status(target, path, f"Bearer {token}") for name, token in forged.items()}
    assert {name: code for name, code in answers.items() if code != 401} == {}
    assert len(forged) > 80


async def test_no_forged_operators_token_is_accepted(target: Target) -> None:
    path = listing(target, of_operators=True).path
    claims = Operator(name="grace").claims()
    forger = TokenForger(target.signing_key, claims, target.service.clock.now())
    assert await status(target, path, f"Bearer {forger.valid}") == 200
    answers = {name: await status(target, path, f"Bearer {token}") for name, token in forger.forged()}
    assert {name: code for name, code in answers.items() if code != 401} == {}


async def test_claims_that_name_no_caller_are_refused(target: Target, forger: TokenForger) -> None:
    path = listing(target, of_operators=False).path
    wrong: dict[str, tuple[Any, ...]] = {
        "sub": ("", "me", "\0", 1, [], str(new_id())[:-1]),
        "tenant_id": ("", "*", None, 1, [], f"{new_id()},{new_id()}"),
        "role": ("", "god", "OWNER", None, 1, ["owner"]),
        "sid": ("", "me", 1, [], None),
    }
    tokens = {
        f"{name} {value!r}": forger.with_claims(**{name: value}) for name, values in wrong.items() for value in values
    }
    tokens |= {f"no {name}": forger.with_claims(without=name) for name in ("sub", "tenant_id", "role")}
    answers = {name: await status(target, path, f"Bearer {token}") for name, token in tokens.items()}
    assert {name: code for name, code in answers.items() if code != 401} == {}


async def test_a_token_opens_only_the_routes_of_its_kind(target: Target, forger: TokenForger) -> None:
    user, operator = f"Bearer {forger.valid}", target.operator["Authorization"]
    assert await status(target, listing(target, of_operators=True).path, user) == 403
    assert await status(target, listing(target, of_operators=False).path, operator) == 401
    more = forger.with_claims(scope="admin owner users")
    assert await status(target, listing(target, of_operators=True).path, f"Bearer {more}") == 403


async def test_a_token_in_another_place_is_not_read(target: Target, forger: TokenForger) -> None:
    path, token = listing(target, of_operators=False).path, forger.valid
    for scheme in ("Basic", "Token", "JWT", "DPoP", "Bearer:", "BearerX"):
        assert await status(target, path, f"{scheme} {token}") == 401, scheme
    for text in (
        "",
        "Bearer",
        "Bearer ",
        token,
        f"Bearer\t{token}",
        f"Bearer {token} {token}",
        f"Bearer {token},{token}",
    ):
        assert await status(target, path, text) == 401, text
    for query in (f"access_token={token}", f"authorization=Bearer {token}", f"token={token}"):
        assert (await target.http.get(f"{path}?{query}")).status_code == 401, query
    cookie = {"cookie": f"access_token={token}; Authorization=Bearer {token}"}
    assert (await target.http.get(path, headers=cookie)).status_code == 401
    other = {"x-authorization": f"Bearer {token}", "proxy-authorization": f"Bearer {token}", "x-user-id": str(new_id())}
    assert (await target.http.get(path, headers=other)).status_code == 401


async def test_two_authorizations_are_refused(target: Target, forger: TokenForger) -> None:
    """A gateway may check one of them and the service read the other."""
    path, valid = listing(target, of_operators=False).path, f"Bearer {forger.valid}"
    forged = f"Bearer {forger.with_header(lambda _: b'', alg='none')}"
    for pair in ((valid, forged), (forged, valid), (valid, valid), ("", valid), (valid, "Basic dTpw")):
        assert await status(target, path, *pair) == 401, pair


async def test_a_token_of_another_service_or_kind_is_not_an_access_token(target: Target) -> None:
    path = listing(target, of_operators=False).path
    header = {"alg": "EdDSA", "kid": "another", "typ": "at+jwt"}
    for text in (
        "A" * 64,
        encoded({"sub": "me"}),
        f"{encoded(header)}.{encoded(dict(target.claims))}.{encoded(bytes(64))}",
    ):
        assert await status(target, path, f"Bearer {text}") == 401, text
