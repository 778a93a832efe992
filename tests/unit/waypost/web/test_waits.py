"""Requests that wait: their bounds, and what ends them."""

import asyncio
from collections.abc import Mapping

import pytest
from starlette.requests import Request
from starlette.types import Message

from waypost.kernel.ids import TenantId, new_id
from waypost.kernel.role import Role
from waypost.web.places import NoPlace, Places
from waypost.web.principal import Principal
from waypost.web.waits import Waited, Waits


class Client:
    """The client of a request, which a test can disconnect."""

    def __init__(self, **headers: str) -> None:
        self.gone = asyncio.Event()
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        self.request = Request({"type": "http", "headers": raw, "state": {}}, self._receive)

    async def _receive(self) -> Message:
        if not self.gone.is_set():
            await self.gone.wait()
        return {"type": "http.disconnect"}

    @property
    def fields(self) -> Mapping[str, str]:
        return dict(self.request.scope["state"].get("response_headers", ()))


class Work:
    """The work that the request waits for."""

    def __init__(self, ends_at_look: int = 1_000_000) -> None:
        self.looks = 0
        self.looked = asyncio.Event()
        self._ends_at_look = ends_at_look

    async def is_done(self) -> bool:
        self.looks += 1
        self.looked.set()
        return self.looks >= self._ends_at_look


def principal(tenant_id: TenantId | None = None) -> Principal:
    return Principal(user_id=new_id(), tenant_id=tenant_id or TenantId(new_id()), role=Role.MEMBER)


async def test_a_request_waits_until_it_is_done_and_reports_it() -> None:
    client, work = Client(prefer="wait=10"), Work(ends_at_look=3)
    assert await Waits().until(client.request, principal(), work.is_done) is Waited.DONE
    assert work.looks == 3
    assert client.fields == {"preference-applied": "wait"}


async def test_a_request_without_the_preference_does_not_look() -> None:
    client, work = Client(prefer="respond-async"), Work()
    assert await Waits().until(client.request, principal(), work.is_done) is None
    assert (work.looks, client.fields) == (0, {})


async def test_a_request_that_waits_for_no_time_looks_once() -> None:
    client, work = Client(prefer="wait=0"), Work()
    assert await Waits().until(client.request, principal(), work.is_done) is Waited.NOT_DONE
    assert work.looks == 1


@pytest.mark.parametrize("ended_by", ["client", "drain"])
async def test_a_wait_ends_with_its_client_and_with_the_server(ended_by: str) -> None:
    waits, client, work = Waits(), Client(prefer="wait=10"), Work()
    waiting = asyncio.create_task(waits.until(client.request, principal(), work.is_done))
    await work.looked.wait()
    client.gone.set() if ended_by == "client" else waits.end()
    async with asyncio.timeout(5):
        assert await waiting is Waited.NOT_DONE


async def test_a_look_that_does_not_answer_ends_with_the_wait() -> None:
    async def hang() -> bool:
        await asyncio.Event().wait()
        return True

    async with asyncio.timeout(5):
        waited = await Waits().until(Client(prefer="wait=0").request, principal(), hang)
    assert waited is Waited.NOT_DONE


async def test_a_request_beyond_the_bounds_does_not_wait() -> None:
    waits = Waits(Places(of_caller=1, of_tenant=2, of_process=3))
    ada, work = principal(), Work()
    waiting = []

    async def begin(caller: Principal) -> None:
        work.looked.clear()
        waiting.append(asyncio.create_task(waits.until(Client(prefer="wait=10").request, caller, work.is_done)))
        await work.looked.wait()

    async def refuses(caller: Principal) -> bool:
        client = Client(prefer="wait=10")
        refused = await waits.until(client.request, caller, work.is_done) is Waited.REFUSED
        return refused and client.fields == {}

    await begin(ada)
    assert await refuses(ada)
    await begin(principal(ada.tenant_id))
    assert await refuses(principal(ada.tenant_id))
    await begin(principal())
    assert await refuses(principal())
    waits.end()
    assert await asyncio.gather(*waiting) == [Waited.NOT_DONE] * 3
    assert await waits.until(Client(prefer="wait=10").request, ada, work.is_done) is Waited.NOT_DONE


def test_a_place_that_was_refused_counts_nothing() -> None:
    places, ada = Places(of_caller=1, of_tenant=9, of_process=9), principal()
    release = places.acquire(ada)
    for _ in range(20):
        with pytest.raises(NoPlace, match="caller"):
            places.acquire(ada)
    places.acquire(principal(ada.tenant_id))
    release()
    places.acquire(ada)
    assert sum(places._used.values()) == 6
