"""A read with the token of a write in another service waits until this service has handled it."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from schemas.users import TenantJoinPolicyChanged, UserProfileUpdated, UserRoleChanged
from services.notifications.app import SERVICE
from services.notifications.handlers.notices import NOTICES
from services.notifications.projections import PRINCIPALS
from tests.integration.notifications.digests import headers
from tests.integration.notifications.service import NotificationsService, Person
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import Misconfigured
from waypost.kernel.event import Event
from waypost.kernel.ids import EventId, TenantId
from waypost.kernel.role import Role
from waypost.kernel.write_token import token_of
from waypost.testing.eventually import eventually
from waypost.web.read_own_writes import OwnWrites

PATH = "/notifications"


def token(*written: Envelope[Event], tenant: Person) -> str:
    text = token_of(written, TenantId(tenant.tenant_id))
    assert text is not None
    return text


def reading(person: Person, text: str, seconds: int, role: Role = Role.MEMBER) -> Mapping[str, str]:
    return {**headers(person, role), "write-token": text, "prefer": f"wait={seconds}"}


def told(answer: httpx.Response) -> tuple[Any, ...]:
    """Kinds of the listed notifications, and the fields about the wait."""
    assert answer.status_code == 200, answer.text
    kinds = [item["kind"] for item in answer.json()["data"]]
    return kinds, answer.headers.get("preference-applied"), answer.headers.get("write-token-status")


async def test_a_read_is_answered_when_the_write_has_arrived(
    notifications: NotificationsService, http: httpx.AsyncClient
) -> None:
    ada = Person()
    created = await notifications.know(ada)
    waiting = asyncio.create_task(http.get(PATH, headers=reading(ada, token(created, tenant=ada), 10)))
    places = http_app(http).state.waits._places
    await eventually(lambda: bool(places._used))
    await shown_in_the_list(notifications, created)
    assert told(await waiting) == (["welcome"], "wait", "handled")
    assert not places._used


async def test_a_wait_that_ends_before_the_write_arrives_is_reported(
    notifications: NotificationsService, http: httpx.AsyncClient
) -> None:
    ada = Person()
    created = await notifications.know(ada)
    text = token(created, tenant=ada)
    answer = await http.get(PATH, headers=reading(ada, text, 0))
    assert told(answer) == ([], "wait", "pending")
    assert answer.headers["vary"] == "Prefer, Write-Token"
    without_wait = await http.get(PATH, headers={**headers(ada, Role.MEMBER), "write-token": text})
    assert told(without_wait) == ([], None, None)
    without_token = await http.get(PATH, headers={**headers(ada, Role.MEMBER), "prefer": "wait=9"})
    assert told(without_token) == ([], None, None)


async def test_only_the_consumers_whose_rows_the_route_reads_are_waited_for(
    notifications: NotificationsService, http: httpx.AsyncClient
) -> None:
    """The list declares them with @reads; other routes wait for every consumer of the event."""
    ada, now = Person(), notifications.clock.now()
    await notifications.know(ada)
    who: Mapping[str, Any] = {"tenant_id": ada.tenant_id, "user_id": ada.user_id}
    renamed = UserProfileUpdated(**who, display_name="Ada King", locale="en", updated_at=now)
    written = ada.envelope(renamed, 3)
    text = token(written, tenant=ada)
    assert told(await http.get(PATH, headers=reading(ada, text, 0)))[2] == "handled"
    other = "/preferences"
    assert (await http.get(other, headers=reading(ada, text, 0))).headers["write-token-status"] == "pending"
    await notifications.deliver(written)
    assert (await http.get(other, headers=reading(ada, text, 0))).headers["write-token-status"] == "handled"


async def test_a_read_waits_for_the_rights_of_its_caller_and_a_refusal_says_nothing_about_the_wait(
    notifications: NotificationsService, http: httpx.AsyncClient
) -> None:
    """The list declares @reads("notices"); the rights of a fresh admin come from other rows."""
    ada, now = Person(), notifications.clock.now()
    created = await notifications.know(ada)
    await notifications.deliver(created, to=PRINCIPALS.name)
    who: Mapping[str, Any] = {"tenant_id": ada.tenant_id, "user_id": ada.user_id}
    promoted = ada.envelope(UserRoleChanged(**who, role="admin", previous_role="member", changed_at=now), 2)
    await notifications.deliver(promoted, to=NOTICES.name)
    text = token(promoted, tenant=ada)
    refused = await http.get(PATH, headers=reading(ada, text, 0, Role.ADMIN))
    assert refused.status_code == 401
    assert not {"write-token-status", "preference-applied", "write-token"} & set(refused.headers)
    waiting = asyncio.create_task(http.get(PATH, headers=reading(ada, text, 10, Role.ADMIN)))
    await eventually(lambda: bool(http_app(http).state.waits._places._used))
    await notifications.deliver(promoted, to=PRINCIPALS.name)
    assert told(await waiting)[1:] == ("wait", "handled")


async def shown_in_the_list(notifications: NotificationsService, envelope: Envelope[Event]) -> None:
    for name in (NOTICES.name, PRINCIPALS.name):
        await notifications.deliver(envelope, to=name)


async def test_an_event_that_no_consumer_handles_is_not_waited_for(
    notifications: NotificationsService, http: httpx.AsyncClient
) -> None:
    ada, now = Person(), notifications.clock.now()
    written = ada.envelope(TenantJoinPolicyChanged(tenant_id=ada.tenant_id, mode="closed", domains=(), changed_at=now))
    answer = await http.get(PATH, headers=reading(ada, token(written, tenant=ada), 10))
    assert told(answer) == ([], "wait", "handled")


async def test_a_token_of_another_tenant_is_refused_and_a_forged_one_learns_nothing(
    notifications: NotificationsService, http: httpx.AsyncClient
) -> None:
    ada, mallory = Person(), Person()
    created = await notifications.know(ada)
    await notifications.deliver(created)
    taken = await http.get(PATH, headers=reading(mallory, token(created, tenant=ada), 0))
    assert (taken.status_code, taken.json()["type"]) == (422, "urn:waypost:problem:malformed-write-token")
    forged = token(created._replace(tenant_id=TenantId(mallory.tenant_id)), tenant=mallory)
    assert told(await http.get(PATH, headers=reading(mallory, forged, 0)))[2] == "pending"
    assert told(await http.get(PATH, headers=reading(ada, token(created, tenant=ada), 0)))[2] == "handled"


async def test_an_old_token_is_not_waited_for(notifications: NotificationsService, http: httpx.AsyncClient) -> None:
    ada = Person()
    created = await notifications.know(ada)
    long_ago = int((datetime.now(UTC) - timedelta(days=2)).timestamp() * 1000)
    old = EventId(UUID(int=created.event_id.int % (1 << 80) | long_ago << 80))
    answer = await http.get(PATH, headers=reading(ada, token(created._replace(event_id=old), tenant=ada), 10))
    assert told(answer) == ([], None, "unchecked")


async def test_a_caller_with_many_waiting_requests_is_answered_at_once(
    notifications: NotificationsService, http: httpx.AsyncClient
) -> None:
    ada = Person()
    created = await notifications.know(ada)
    text = token(created, tenant=ada)
    waiting = [asyncio.create_task(http.get(PATH, headers=reading(ada, text, 10))) for _ in range(11)]
    done, rest = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    assert [told(task.result()) for task in done] == [([], None, "unchecked")]
    await shown_in_the_list(notifications, created)
    assert {told(answer)[1:] for answer in await asyncio.gather(*rest)} == {("wait", "handled")}


def test_a_route_that_reads_the_rows_of_an_unknown_consumer_is_refused(http: httpx.AsyncClient) -> None:
    without = [consumer for consumer in SERVICE.consumers if consumer.name != NOTICES.name]
    with pytest.raises(Misconfigured, match="reads the rows of notices"):
        OwnWrites(SERVICE.name, without).refuse_unknown(http_app(http))


def http_app(http: httpx.AsyncClient) -> Any:
    transport = http._transport
    assert isinstance(transport, httpx.ASGITransport)
    return transport.app
