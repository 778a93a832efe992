"""Rate limits: the bucket, its memory, the keys, and the answers."""

import re
from typing import Annotated
from uuid import UUID

import pytest
from fastapi import APIRouter
from starlette.responses import Response

from tests.fixtures.web import api
from waypost.kernel.errors import Misconfigured
from waypost.kernel.ids import new_id
from waypost.testing.http import client_of
from waypost.web.limited import SIGNED_IN, Admission, limited
from waypost.web.rate_limits import Rate, RateKey, RateLimiter, RateLimitExceeded, RateSettings, RouteClass

THREE = RouteClass(
    name="demo",
    reason="is a test",
    rates={
        RateKey.NETWORK: Rate(requests=3, seconds=60),
        RateKey.ADDRESS: Rate(requests=2, seconds=60),
        RateKey.TENANT: Rate(requests=2, seconds=60),
    },
)


class Seconds:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def admitted(limiter: RateLimiter, value: object, times: int = 10, key: RateKey = RateKey.NETWORK) -> int:
    count = 0
    for _ in range(times):
        try:
            limiter.admit(THREE, key, value)
        except RateLimitExceeded:
            continue
        count += 1
    return count


def test_a_bucket_admits_its_number_at_once_and_then_its_rate() -> None:
    seconds = Seconds()
    limiter = RateLimiter(seconds=seconds)
    assert admitted(limiter, "a") == 3
    seconds.now += 20  # one request's share of the window
    assert admitted(limiter, "a") == 1
    seconds.now += 1_000
    assert admitted(limiter, "a") == 3


def test_an_address_is_counted_apart_for_each_network() -> None:
    """Others must not lock its owner out."""
    limiter, tenant_id = RateLimiter(seconds=Seconds()), new_id()
    attacker, owner = (Admission(limiter, THREE, network) for network in ("192.0.2.1", "198.51.100.1"))
    for _ in range(2):
        attacker.address(tenant_id, "ada@example.com")
    with pytest.raises(RateLimitExceeded):
        attacker.address(tenant_id, "ada@example.com")
    owner.address(tenant_id, "ada@example.com")


def test_keys_and_kinds_of_keys_are_counted_apart() -> None:
    limiter = RateLimiter(seconds=Seconds())
    assert [admitted(limiter, "a"), admitted(limiter, "b"), admitted(limiter, "a", key=RateKey.TENANT)] == [3, 3, 2]


def test_a_refused_request_counts_nothing_and_says_when_to_come_back() -> None:
    seconds = Seconds()
    limiter = RateLimiter(seconds=seconds)
    admitted(limiter, "a", times=100)
    with pytest.raises(RateLimitExceeded) as refused:
        limiter.admit(THREE, RateKey.NETWORK, "a")
    assert refused.value.retry_after.total_seconds() == 20
    seconds.now += 20
    limiter.admit(THREE, RateKey.NETWORK, "a")


def test_the_memory_is_bounded_and_keeps_the_keys_in_use() -> None:
    limiter = RateLimiter(seconds=Seconds(), max_keys=100)
    admitted(limiter, "in use")
    for number in range(10_000):
        limiter.admit(THREE, RateKey.NETWORK, number)
        assert admitted(limiter, "in use", times=1) == 0
    assert len(limiter._recent) + len(limiter._older) <= 101


def test_settings_change_a_limit_and_switch_limits_off() -> None:
    changed = RateSettings(changed={"demo-per-network": Rate(requests=5, seconds=60), "demo-per-tenant": None})
    limiter = RateLimiter(changed, seconds=Seconds())
    assert admitted(limiter, "a") == 5
    assert admitted(limiter, "a", key=RateKey.TENANT) == 10
    assert admitted(RateLimiter(RateSettings(enabled=False)), "a") == 10


def demo() -> APIRouter:
    router = APIRouter()

    @router.get("/demo")
    async def limited_route(tenant: UUID, address: str, admission: Annotated[Admission, limited(THREE)]) -> Response:
        admission.tenant(tenant)
        admission.address(tenant, address)
        return Response()

    return router


async def test_the_answer_names_the_limit_its_reason_and_the_time_to_wait() -> None:
    one, another = str(new_id()), str(new_id())
    async with client_of(api(demo())) as client:
        ask = [{"tenant": one, "address": "a"}, {"tenant": one, "address": "a"}, {"tenant": one, "address": "b"}]
        answers = [await client.get("/demo", params=each) for each in ask]
        by_network = await client.get("/demo", params={"tenant": another, "address": "c"})
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert by_network.status_code == 429
    for answer, limit, quota in [(answers[2], "demo-per-tenant", 2), (by_network, "demo-per-network", 3)]:
        wait = int(answer.headers["retry-after"])
        assert 0 < wait <= 60
        assert answer.headers["ratelimit-policy"] == f'"{limit}";q={quota};w=60'
        assert answer.headers["ratelimit"] == f'"{limit}";r=0;t={wait}'
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert (problem["status"], problem["violated_policies"]) == (429, [limit])
        assert re.search(
            rf"More than {quota} requests in 60 s .* is a test\. Repeat the request after {wait} s", problem["detail"]
        )


async def test_a_request_with_an_invalid_body_counts_too() -> None:
    async with client_of(api(demo())) as client:
        assert [(await client.get("/demo")).status_code for _ in range(4)] == [422, 422, 422, 429]


def test_an_unknown_limit_in_the_settings_is_refused_with_the_known_names() -> None:
    with pytest.raises(Misconfigured, match=r"demo-per-networks.*demo-per-network"):
        api(demo(), rates=RateSettings(changed={"demo-per-networks": None}))
    api(demo(), rates=RateSettings(changed={SIGNED_IN.limit_name(RateKey.CALLER): None, "demo-per-network": None}))
