"""The mail provider of a test: it has received the mails of the service, and reports about them."""

import json
from datetime import datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.integration.notifications.billing_events import of_an_invoice
from tests.integration.notifications.service import NotificationsService, Person
from tests.integration.notifications.test_mails_of_events import of_an_account
from waypost.web.standard_webhooks import sign

SECRET = "whsec_" + "A" * 32
PREVIOUS = "whsec_" + "B" * 32
RETURN_PATHS = "return paths " * 3
DOMAIN = "bounces.waypost.test"


def receive_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets the variables of an installation that receives reports. Call it before the service
    starts, which reads them then.
    """
    monkeypatch.setenv("WAYPOST_BOUNCE_DOMAIN", DOMAIN)
    monkeypatch.setenv("WAYPOST_MAIL_REPORTS_SECRET", SECRET)
    monkeypatch.setenv("WAYPOST_MAIL_REPORTS_PREVIOUS_SECRET", PREVIOUS)
    monkeypatch.setenv("WAYPOST_RETURN_PATH_SECRET", RETURN_PATHS)


class Provider:
    """The mail provider: it has received the mails of the service, and reports about them."""

    def __init__(self, service: NotificationsService) -> None:
        self._service = service

    async def paths(self, person: Person) -> list[str]:
        """The return paths of the person's mails, oldest first."""
        return [str(mail["envelope"]["from"]) for mail in await self._service.mails(person)]

    async def sends(self, body: bytes, *, secret: str = SECRET, at: datetime | None = None) -> httpx.Response:
        sent_at = int((at or self._service.clock.now()).timestamp())
        signed = {
            "webhook-id": "report_1",
            "webhook-timestamp": str(sent_at),
            "webhook-signature": sign(secret, "report_1", sent_at, body),
        }
        return await self._service.http.post("/mail-reports", content=body, headers=signed)

    async def reports(self, person: Person, path: str, status: str | None = "5.1.1", **changed: Any) -> None:
        """A bounce with this status code; a complaint without one."""
        answer = await self.sends(self.report(person, path, status, **changed))
        assert answer.status_code == 204, answer.text

    def report(
        self, person: Person, path: str, status: str | None = "5.1.1", *, code: Any = 550, **changed: Any
    ) -> bytes:
        data: dict[str, Any] = {"return_path": path, "recipient": person.email}
        if status is not None:
            data |= {"status": status, "code": code}
        kind = "mail.bounced" if status is not None else "mail.complained"
        report = {"type": kind, "timestamp": self._service.clock.now().isoformat(), "data": data}
        return json.dumps(report | changed).encode()


async def mailed(notifications: NotificationsService, person: Person, mails: int = 1) -> None:
    """The person gets mails about changed passwords."""
    for _ in range(mails):
        event = of_an_account(person, notifications.clock.now())["password_changed"]
        await notifications.react(person.envelope(event))
    await notifications.run_jobs(person.tenant_id)


async def receipted(notifications: NotificationsService, person: Person) -> str:
    """The status of a mail that is not about the security of the account."""
    invoice_id = uuid4()
    event = of_an_invoice(person, invoice_id, notifications.clock.now())["invoice_paid"]
    await notifications.react(Person(tenant_id=person.tenant_id, user_id=invoice_id).envelope(event))
    await notifications.run_jobs(person.tenant_id)
    [row] = [row for row in await notifications.statuses(person) if row[0] == "invoice_paid"][-1:]
    return f"{row[1]} {row[2]}"


async def suppressed(notifications: NotificationsService, person: Person) -> list[tuple[str, int]]:
    rows = await notifications.rows(person.tenant_id, "select reason, code from suppressed_addresses")
    return [(row["reason"], row["code"]) for row in rows]


async def clean_up(notifications: NotificationsService, person: Person) -> None:
    async with notifications.unit_of_work(person.tenant_id) as uow:
        await uow.jobs.enqueue("cleanup_expired")
    await notifications.run_jobs(person.tenant_id)
