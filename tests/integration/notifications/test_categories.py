"""Optional mails, which a person switches off by preference or by one click, and mandatory ones."""

from urllib.parse import urlsplit

import httpx
import pytest

from services.notifications.domain import OPTIONAL, Category, NotificationKind, category_of
from tests.integration.notifications.billing_events import of_a_subscription, of_an_invoice
from tests.integration.notifications.digests import headers
from tests.integration.notifications.service import NotificationsService, Person
from tests.integration.notifications.test_mails_of_events import of_an_account
from waypost.kernel.ids import new_id

ALL_ON = {"digest": False, "receipts": True, "subscriptions": True, "suppressed": None}


async def test_a_preference_that_is_not_given_stays(http: httpx.AsyncClient) -> None:
    ada = Person()
    assert (await http.get("/preferences", headers=headers(ada))).json() == ALL_ON
    off = {**ALL_ON, "receipts": False}
    put = await http.put("/preferences", json={"digest": False, "receipts": False}, headers=headers(ada))
    assert put.json() == off
    assert (await http.put("/preferences", json={"digest": False}, headers=headers(ada))).json() == off
    unknown = {"digest": False, "security": False}
    assert (await http.put("/preferences", json=unknown, headers=headers(ada))).status_code == 422


async def test_only_optional_mails_can_be_switched_off(
    notifications: NotificationsService, http: httpx.AsyncClient
) -> None:
    ada = Person()
    await notifications.know(ada)
    off = {"digest": False, "receipts": False, "subscriptions": False}
    await http.put("/preferences", json=off, headers=headers(ada))
    await _react_to_everything(notifications, ada)
    statuses = {NotificationKind(kind): (status, reason) for kind, status, reason in await notifications.statuses(ada)}
    assert len(statuses) == 15
    for kind, status in statuses.items():
        wanted = ("suppressed", "unsubscribed") if category_of(kind).is_optional else ("sent", None)
        assert status == wanted, kind


async def test_one_click_ends_the_category_of_the_mail_and_no_other(
    notifications: NotificationsService, http: httpx.AsyncClient
) -> None:
    ada = Person()
    await notifications.know(ada)
    await _react_to_everything(notifications, ada)
    links: dict[str, str] = {}
    for mail in await notifications.mails(ada):
        sent = dict(map(tuple, mail["headers"]))
        kind = await _kind_of(notifications, ada, mail["message_id"])
        category = category_of(kind)
        assert ("List-Unsubscribe" in sent) is category.is_optional, kind
        assert sent.get("List-Unsubscribe-Post") == ("List-Unsubscribe=One-Click" if category.is_optional else None)
        if category.is_optional:
            links[category.value] = urlsplit(sent["List-Unsubscribe"].strip("<>")).path
    assert set(links) == {"receipts", "subscriptions"}
    page = await http.get(links["receipts"])
    assert "Unsubscribe from receipts?" in page.text and 'method="post"' in page.text
    assert (await http.get("/preferences", headers=headers(ada))).json() == ALL_ON
    assert (await http.post(links["receipts"], data={"List-Unsubscribe": "One-Click"})).status_code == 200
    assert (await http.get("/preferences", headers=headers(ada))).json() == {**ALL_ON, "receipts": False}


@pytest.mark.parametrize("category", [each for each in Category if each not in OPTIONAL] + ["nonsense"])
async def test_no_link_ends_a_mandatory_category(
    notifications: NotificationsService, http: httpx.AsyncClient, category: str
) -> None:
    ada = Person()
    await notifications.know(ada)
    await _react_to_everything(notifications, ada)
    [mail] = [mail for mail in await notifications.mails(ada) if mail["subject"].startswith("Receipt")]
    link = urlsplit(dict(map(tuple, mail["headers"]))["List-Unsubscribe"].strip("<>")).path
    other = link.rpartition("/")[0] + f"/{category}"
    assert {(await http.get(other)).status_code, (await http.post(other)).status_code} <= {404, 422}


async def _react_to_everything(notifications: NotificationsService, person: Person) -> None:
    now = notifications.clock.now()
    for event in (*of_an_account(person, now).values(), *of_an_invoice(person, new_id(), now).values()):
        await notifications.react(person.envelope(event))
    for event in of_a_subscription(person, now).values():
        await notifications.react(person.envelope(event))
    await notifications.run_jobs(person.tenant_id)


async def _kind_of(notifications: NotificationsService, person: Person, message_id: str) -> NotificationKind:
    query = "select kind from notifications where notification_id = :id"
    notification_id = message_id.strip("<>").partition("@")[0]
    [row] = await notifications.rows(person.tenant_id, query, id=notification_id)
    return NotificationKind(row["kind"])
