"""Each limit of the routes without a token is applied, with its headers, and reveals no
accounts.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from services.users.api.limits import FORGOTTEN_PASSWORD, MAILED_LINK, NEW_TENANT, REFRESH_TOKEN, SIGN_IN, SIGN_UP
from tests.integration.users.service import PASSWORD, Member, UsersService, unique_address
from waypost.kernel.ids import new_id
from waypost.web.limited import RequestLimits
from waypost.web.rate_limits import Rate, RateKey, RateLimiter, RateSettings, RouteClass

LIMITED = [
    (routes, key)
    for routes in (SIGN_IN, NEW_TENANT, SIGN_UP, FORGOTTEN_PASSWORD, MAILED_LINK, REFRESH_TOKEN)
    for key in routes.rates
]
ROUTES = {
    SIGN_IN.name: ["/login"],
    NEW_TENANT.name: ["/tenants"],
    SIGN_UP.name: ["/signup"],
    FORGOTTEN_PASSWORD.name: ["/password/forgot"],
    MAILED_LINK.name: ["/verify", "/password/reset"],
    REFRESH_TOKEN.name: ["/token/refresh", "/logout"],
}


def requests(routes: RouteClass, key: RateKey, member: Member) -> Iterator[tuple[str, Any]]:
    """Requests of one value of the key. Other keys differ, except the network."""
    number = 0
    while True:
        path = ROUTES[routes.name][number % len(ROUTES[routes.name])]
        number += 1
        tenant_id = new_id() if key is RateKey.NETWORK else member.tenant_id
        email = member.email if key is RateKey.ADDRESS else unique_address()
        owner = {"email": email, "password": PASSWORD, "display_name": "Ada Lovelace"}
        account = {"tenant_id": str(tenant_id), "email": email}
        yield (
            path,
            {
                "/login": {**account, "password": "a wrong password"},
                "/tenants": {"name": "Engines", "owner": owner},
                "/signup": {**account, **owner},
                "/password/forgot": account,
                "/verify": {"token": "x", "password": PASSWORD},
                "/password/reset": {"token": "x", "password": PASSWORD},
                "/token/refresh": {"refresh_token": "x"},
                "/logout": {"refresh_token": "x"},
            }[path],
        )


@pytest.mark.parametrize(("routes", "key"), LIMITED, ids=[routes.limit_name(key) for routes, key in LIMITED])
async def test_a_limit_admits_its_number_and_refuses_the_next_with_its_headers(
    users: UsersService, routes: RouteClass, key: RateKey
) -> None:
    member = await users.open_tenant()
    name = routes.limit_name(key)
    limits: RequestLimits = users.http._transport.app.state.rate_limits  # type: ignore[attr-defined]
    limits.limiter = RateLimiter(RateSettings(changed={name: Rate(requests=3, seconds=60)}))
    sent = requests(routes, key, member)
    answers = [await users.http.post(path, json=body) for path, body in (next(sent) for _ in range(4))]
    assert [answer.status_code == 429 for answer in answers] == [False, False, False, True]
    wait = answers[3].headers["retry-after"]
    assert answers[3].headers["ratelimit-policy"] == f'"{name}";q=3;w=60'
    assert answers[3].headers["ratelimit"] == f'"{name}";r=0;t={wait}'
    assert answers[3].json()["violated_policies"] == [name]
    assert answers[3].json()["type"].endswith("rate-limit-exceeded")


async def test_a_caller_and_a_tenant_with_tokens_have_limits(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    limits: RequestLimits = users.http._transport.app.state.rate_limits  # type: ignore[attr-defined]
    for name, second in (("signed-in-per-caller", 200), ("signed-in-per-tenant", 429)):
        limits.limiter = RateLimiter(RateSettings(changed={name: Rate(requests=1, seconds=60)}))
        statuses = [
            (await users.http.get(f"/users/{each.user_id}", headers=each.headers)).status_code
            for each in (owner, member, owner)
        ]
        assert statuses == [200, second, 429]
