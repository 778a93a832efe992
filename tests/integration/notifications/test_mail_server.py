"""Delivery with different responses of the mail server."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from services.notifications.adapters.smtp import SmtpMailer
from services.notifications.ports import EmailContent, Mail, MailRefused
from tests.integration.infra.inbox import Inbox
from tests.integration.notifications.service import NotificationsService, Person
from waypost.kernel.errors import Transient
from waypost.kernel.ids import TenantId, new_id
from waypost.kernel.tenant import bound_tenants
from waypost.native.ports import LOOPBACK, free_ports
from waypost.testing.eventually import eventually

STEP_SECONDS = 0.5
EMAIL = EmailContent(subject="Grüße", text="Hello\n", html="<p>Hello</p>")


async def test_a_mail_arrives_unchanged(inbox: Inbox) -> None:
    await _mailer(inbox.smtp_port).send(_mail("ada@bücher.example", name='Ada "Countess", Lovelace'))
    [summary] = (await inbox.find())["data"]
    shown = (await inbox.http.get(f"/api/messages/{summary['id']}")).json()
    headers = dict(map(tuple, shown["headers"]))
    assert (shown["subject"], shown["message_id"]) == ("Grüße", "<1@waypost>")
    assert shown["to"] == ["ada@xn--bcher-kva.example"]
    assert headers["To"] == '"Ada \\"Countess\\", Lovelace" <ada@xn--bcher-kva.example>'
    assert (shown["text"].strip(), shown["html"].strip()) == ("Hello", "<p>Hello</p>")


async def test_a_long_unsubscribe_link_stays_on_one_line(inbox: Inbox) -> None:
    link = f"https://mail.a-company-of-a-long-name.example.com/unsubscribe/{'a' * 48}"
    await _mailer(inbox.smtp_port).send(replace(_mail("ada@example.com"), unsubscribe_url=link))
    [summary] = (await inbox.find())["data"]
    raw = (await inbox.http.get(f"/api/messages/{summary['id']}/raw")).text
    assert f"\nList-Unsubscribe: <{link}>\r\n" in raw
    assert "\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw


async def test_a_permanent_refusal_does_not_contain_the_address(inbox: Inbox) -> None:
    with pytest.raises(MailRefused) as refused:
        await _mailer(inbox.smtp_port).send(_mail("bounce@example.com"))
    assert refused.value.reason == "mailbox_unknown"
    assert "bounce" not in str(refused.value)
    assert refused.value.__suppress_context__


async def test_temporary_refusals_and_outages_are_transient(inbox: Inbox, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "inbox.sqlite3") as saboteur:
        saboteur.execute("alter table headers rename to elsewhere")
    saboteur.close()
    [nobody_listens] = free_ports(1)
    for port in (inbox.smtp_port, nobody_listens):
        with pytest.raises(Transient):
            await _mailer(port).send(_mail("ada@example.com"))


async def test_a_server_that_is_slow_at_each_step_is_an_outage_before_the_attempt_is_over() -> None:
    """Each answer is in time, but there are five."""

    async def answer_late(commands: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        with closing(answers):
            answers.write(b"220 mail.test\r\n")
            while command := await commands.readline():
                await asyncio.sleep(0.8 * STEP_SECONDS)
                if command.startswith(b"DATA"):
                    answers.write(b"354 end with a dot\r\n")
                    await commands.readuntil(b"\r\n.\r\n")
                answers.write(b"250 OK\r\n")

    [port] = free_ports(1)
    async with await asyncio.start_server(answer_late, LOOPBACK, port):
        with pytest.raises(Transient):
            await _mailer(port, timeout_seconds=STEP_SECONDS).send(_mail("ada@example.com"))


async def test_a_notification_waits_for_the_mail_server(
    notifications: NotificationsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = Person()
    await notifications.react(await notifications.know(ada))
    [nobody_listens] = free_ports(1)

    async def put_off() -> bool:
        return bool(await notifications.rows(ada.tenant_id, "select 1 from jobs where run_at > enqueued_at"))

    with monkeypatch.context() as away:
        away.setenv("WAYPOST_SMTP_PORT", str(nobody_listens))
        async with notifications.working():
            await eventually(put_off)
    assert await notifications.statuses(ada) == [("welcome", "queued", None)]

    await notifications.run_jobs(ada.tenant_id)
    assert len(await notifications.mails(ada)) == 1
    assert await notifications.statuses(ada) == [("welcome", "sent", None)]


async def test_a_sent_notification_is_not_mailed_by_a_second_job(notifications: NotificationsService) -> None:
    ada = Person()
    await notifications.react(await notifications.know(ada))
    await notifications.run_jobs(ada.tenant_id)
    [row] = await notifications.rows(ada.tenant_id, "select notification_id from notifications")
    with bound_tenants([TenantId(ada.tenant_id)]):
        async with notifications.bus.units.begin() as uow:
            await uow.jobs.enqueue("send_notification", **row)
    await notifications.run_jobs(ada.tenant_id)
    assert len(await notifications.mails(ada)) == 1


async def test_a_job_without_its_notification_succeeds(notifications: NotificationsService) -> None:
    ada = Person()
    await notifications.know(ada)
    with bound_tenants([TenantId(ada.tenant_id)]):
        async with notifications.bus.units.begin() as uow:
            await uow.jobs.enqueue("send_notification", notification_id=new_id())
    await notifications.run_jobs(ada.tenant_id)
    ended = await notifications.rows(ada.tenant_id, "select status, result::text from job_results")
    assert [tuple(row.values()) for row in ended] == [("complete", "null")]
    assert await notifications.rows(ada.tenant_id, "select 1 from jobs") == []


def _mailer(port: int, *, timeout_seconds: float = 5) -> SmtpMailer:
    return SmtpMailer(host=LOOPBACK, port=port, sender="no-reply@waypost.test", timeout_seconds=timeout_seconds)


def _mail(address: str, name: str = "Ada") -> Mail:
    return Mail(message_id="<1@waypost>", address=address, name=name, email=EMAIL)
