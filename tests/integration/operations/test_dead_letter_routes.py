"""Dead letters over HTTP: an operator's token gives access to the lines that the command prints."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.fixtures.club import Stage, User, opened
from tests.fixtures.club.declaration import no_trouble
from tests.fixtures.operators import operator_routes
from tests.integration.consumer.test_rebuild_of_own_events import Person
from waypost.hosting.service import Service
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import NotYet, Transient, Unavailable, WaypostError
from waypost.kernel.ids import new_id
from waypost.ports.consumers import Reactor
from waypost.ports.unit_of_work import UnitOfWork
from waypost.postgres.audit import operator_actions
from waypost.testing.eventually import eventually
from waypost.testing.tokens import operator_bearer

DEAD_LETTERS = "/ops/dead-letters"
WHY = {"reason": "the club is open again"}
NOBODYS = "0190a7f2-0000-7000-8000-000000000000"


@pytest.fixture
async def http(stage: Stage, club_stack: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with operator_routes(club_stack, stage.database, stage.bootstrap) as client:
        client.headers.update(operator_bearer("grace"))
        yield client


async def test_dead_letters_are_listed_shown_and_redriven(stage: Stage, http: httpx.AsyncClient, bob: User) -> None:
    page = (await http.get(DEAD_LETTERS, params={"limit": 2, "tenant_id": str(bob.tenant_id)})).json()
    rest = (await http.get(DEAD_LETTERS, params={"limit": 2, "cursor": page["next_cursor"]})).json()
    assert [each["sequence"] for each in page["data"] + rest["data"]] == [1, 2, 3]
    (dead,) = (await http.get(DEAD_LETTERS, params={"status": "dead", "error_class": "Permanent"})).json()["data"]
    shown = (await http.get(f"{DEAD_LETTERS}/{dead['id']}")).json()
    assert shown["record"]["data"]["email"] == "[redacted]"

    stage.club.trouble = no_trouble
    order = {"status": ["dead"], "consumer": "club.greetings", **WHY}
    dry_run = (await http.post(f"{DEAD_LETTERS}/redrive", json={**order, "dry_run": True})).json()
    assert (dry_run["keys"][0]["outcome"], await stage.greeted(bob)) == (None, [[]])
    redriven = (await http.post(f"{DEAD_LETTERS}/redrive", json=order)).json()
    assert [each["status"] for each in redriven["keys"][0]["dead_letters"]] == ["redriven"] * 3
    assert (redriven["left"], await stage.greeted(bob)) == (0, [[1, 2, 3]])
    async with opened(stage.database.ops) as ops:
        told = await operator_actions(ops)
    assert {(each.operator, each.reason) for each in told} == {("grace", WHY["reason"])}

    again = await http.post(f"{DEAD_LETTERS}/redrive", json=order)
    assert (again.status_code, "3 that match are settled already" in again.json()["detail"]) == (404, True)
    settled = await http.post(f"{DEAD_LETTERS}/{dead['id']}/redrive", json=WHY)
    assert (settled.status_code, "is already redriven" in settled.json()["detail"]) == (409, True)


def full() -> None:
    raise Unavailable("the outbox is full", timedelta(seconds=5))


async def test_at_the_outbox_cap_a_redrive_writes_its_events_all_the_same(
    stage: Stage, club_stack: Service, bob: User
) -> None:
    async def write_back(told: Envelope[Any], uow: UnitOfWork) -> None:
        answer = Person(new_id(), told.tenant_id)
        uow.add(answer)
        answer.is_called("answered", stage.club)

    greetings = Reactor("greetings", {stage.club.created: write_back, stage.club.updated: write_back})
    service = replace(club_stack, consumers=[greetings])
    async with operator_routes(service, stage.database, stage.bootstrap, admit=full) as http:
        http.headers.update(operator_bearer("grace"))
        redriven = (await http.post(f"{DEAD_LETTERS}/redrive", json={"consumer": "club.greetings", **WHY})).json()
    assert [each["status"] for each in redriven["keys"][0]["dead_letters"]] == ["redriven"] * 3
    assert len(await stage.rows("select 1 from events", bob)) == 3


@pytest.mark.parametrize("error", [Unavailable("the cap is reached", timedelta(seconds=5)), Transient("cut off")])
async def test_what_was_only_prevented_waits_for_another_topic_as_before(
    stage: Stage, http: httpx.AsyncClient, error: WaypostError
) -> None:
    def waits(envelope: Envelope[Any]) -> None:
        raise NotYet("its customer is not here yet")

    def prevented(envelope: Envelope[Any]) -> None:
        raise error

    stage.club.trouble, ann = waits, stage.user()
    await stage.topic.publish(*ann.tells("Ann"))
    async with stage.consuming(stage.club.greetings):
        await eventually(lambda: stage.reached(1, consumers=1))
    dead_letter = (await http.get(DEAD_LETTERS)).json()["data"]
    assert [(each["status"], each["error_class"]) for each in dead_letter] == [("retrying", "NotYet")]
    stage.club.trouble = prevented
    for _ in range(6):
        answer = await http.post(f"{DEAD_LETTERS}/redrive", json={"consumer": "club.greetings", **WHY})
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert (await http.get(DEAD_LETTERS)).json()["data"] == dead_letter
    stage.club.trouble = no_trouble
    assert (await http.post(f"{DEAD_LETTERS}/{dead_letter[0]['id']}/redrive", json=WHY)).status_code == 200
    assert await stage.greeted(ann) == [[1]]


async def test_a_dead_letter_is_discarded(stage: Stage, http: httpx.AsyncClient, bob: User) -> None:
    stage.club.trouble = no_trouble
    (dead,) = (await http.get(DEAD_LETTERS, params={"status": "dead"})).json()["data"]
    discarded = (await http.post(f"{DEAD_LETTERS}/{dead['id']}/discard", json=WHY)).json()
    assert [each["status"] for each in discarded["dead_letters"]] == ["discarded", "redriven", "redriven"]
    assert await stage.greeted(bob) == [[2, 3]]


async def test_dead_letters_are_discarded_up_to_the_limit(stage: Stage, http: httpx.AsyncClient, bob: User) -> None:
    order = {"consumer": "club.greetings", **WHY}
    dry_run = (await http.post(f"{DEAD_LETTERS}/discard", json={**order, "dry_run": True, "limit": 2})).json()
    assert ([each["outcome"] for each in dry_run["dead_letters"]], dry_run["left"]) == ([None, None], 1)
    first = (await http.post(f"{DEAD_LETTERS}/discard", json={**order, "limit": 2})).json()
    assert ([each["dead_letters"][0]["status"] for each in first["dead_letters"]], first["left"]) == (
        ["discarded"] * 2,
        1,
    )
    await http.post(f"{DEAD_LETTERS}/discard", json=order)
    assert (await stage.greeted(bob), (await http.get(DEAD_LETTERS)).json()["data"]) == ([[]], [])


@pytest.mark.parametrize("end", [{"since": "0001-01-01T00:00:00+14:00"}, {"until": "9999-12-31T23:59:59-14:00"}])
async def test_no_moment_is_too_early_or_too_late_for_an_answer(http: httpx.AsyncClient, end: dict[str, str]) -> None:
    assert (await http.get(DEAD_LETTERS, params=end)).status_code == 422


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("redrive", {"status": ["dead"]}, 422),
        ("redrive", {"reason": " ", "status": ["dead"]}, 422),
        ("redrive", WHY, 422),
        ("redrive", {**WHY, "status": ["discarded"]}, 422),
        ("redrive", {**WHY, "letter": "x"}, 422),
        ("redrive", {**WHY, "status": ["dead"], "dead_letters_per_second": 0}, 422),
        ("redrive", {**WHY, "since": "0001-01-01T00:00:00+14:00"}, 422),
        ("redrive", {**WHY, "until": "9999-12-31T23:59:59-14:00"}, 422),
        ("redrive", {**WHY, "type": "user.gone"}, 404),
        ("discard", WHY, 422),
        ("discard", {**WHY, "status": ["discarded"]}, 422),
        ("discard", {**WHY, "type": "user.gone"}, 404),
        (f"{NOBODYS}/redrive", WHY, 404),
        (f"{NOBODYS}/discard", WHY, 404),
        ("nope/discard", WHY, 422),
    ],
)
async def test_what_cannot_be_meant_is_refused(
    stage: Stage, http: httpx.AsyncClient, path: str, body: dict[str, object], status: int
) -> None:
    refused = await http.post(f"{DEAD_LETTERS}/{path}", json=body)
    assert (refused.status_code, refused.headers["content-type"]) == (status, "application/problem+json")
    assert await stage.rows("select 1 from dead_letters where redrives > 0") == []
