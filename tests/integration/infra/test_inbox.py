"""Mail in by SMTP, out by HTTP."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest

from tests.fixtures.server_process import spawned
from tests.integration.infra.inbox import Inbox, mail
from waypost.native.ports import LOOPBACK, free_ports
from waypost.testing.http import caller


async def test_a_mail_comes_out_as_it_went_in(inbox: Inbox) -> None:
    await inbox.receive(mail(subject="Grüße aus Zürich", Message_ID="<1@waypost.test>", X_Key="ntf-1"))
    [summary] = (await inbox.find())["data"]
    shown = (await inbox.http.get(f"/api/messages/{summary['id']}")).json()
    assert summary.items() <= shown.items()
    assert (shown["subject"], shown["message_id"]) == ("Grüße aus Zürich", "<1@waypost.test>")
    assert (shown["from"], shown["to"]) == ("Waypost <no-reply@waypost.test>", ["ada@acme.test"])
    assert ["X-Key", "ntf-1"] in shown["headers"]
    assert shown["text"].splitlines() == ["Hello Ada,", "", "welcome."]
    assert shown["html"].strip() == "<p>Hello <b>Ada</b></p>"


async def test_the_raw_mail_is_kept_byte_for_byte(inbox: Inbox) -> None:
    raw = b"Subject: raw\r\nX-Odd:  two  spaces\r\n\r\nbody\r\n"
    await aiosmtplib.send(raw, sender="a@b.test", recipients=["c@d.test"], hostname=LOOPBACK, port=inbox.smtp_port)
    [summary] = (await inbox.find())["data"]
    assert (await inbox.http.get(f"/api/messages/{summary['id']}/raw")).content == raw


async def test_mails_are_searched_by_all_that_is_asked(inbox: Inbox) -> None:
    await inbox.receive(mail("ada@acme.test", "Invoice INV-1", X_Key="k-1"))
    await inbox.receive(mail("grace@acme.test", "Invoice INV-2", X_Key="k-2"))
    assert (await inbox.find(to="ADA@acme.test"))["total"] == 1
    assert (await inbox.find(subject="invoice"))["total"] == 2
    assert (await inbox.find(subject="invoice", to="grace@acme.test"))["total"] == 1
    assert (await inbox.find(header__x_key="k-2"))["data"][0]["to"] == ["grace@acme.test"]
    assert (await inbox.find(header__x_key="k"))["total"] == 0
    assert (await inbox.find(q="GRACE"))["total"] == 1


async def test_a_mail_sent_twice_is_there_twice(inbox: Inbox) -> None:
    for _ in range(2):
        await inbox.receive(mail(Message_ID="<same@waypost.test>"))
    assert (await inbox.find(header__message_id="<same@waypost.test>"))["total"] == 2


async def test_pages_follow_each_other_newest_first(inbox: Inbox) -> None:
    for number in range(5):
        await inbox.receive(mail(subject=f"Mail {number}"))
    first = await inbox.find(limit=3)
    second = await inbox.find(limit=3, before=first["next_cursor"])
    subjects = [item["subject"] for item in first["data"] + second["data"]]
    assert subjects == [f"Mail {number}" for number in (4, 3, 2, 1, 0)]
    assert (first["has_more"], second["has_more"], second["total"]) == (True, False, 5)


async def test_clearing_deletes_all_and_ids_continue(inbox: Inbox) -> None:
    await inbox.receive(mail(X_Key="old"))
    before = (await inbox.find())["data"][0]["id"]
    assert (await inbox.http.delete("/api/messages")).json() == {"deleted": 1}
    assert (await inbox.find(header__x_key="old"))["total"] == 0
    await inbox.receive(mail())
    assert (await inbox.find())["data"][0]["id"] > before


async def test_mail_that_cannot_be_stored_is_not_acknowledged(inbox: Inbox, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "inbox.sqlite3") as saboteur:
        saboteur.execute("alter table headers rename to elsewhere")
    saboteur.close()
    with pytest.raises(aiosmtplib.SMTPDataError) as refused:
        await inbox.receive(mail())
    assert refused.value.code == 451
    assert (await inbox.http.get("/livez")).is_success


@pytest.mark.parametrize("address", ["bounce@acme.test", "Bounce+ada@acme.test"])
async def test_a_bouncing_address_is_refused_for_good(inbox: Inbox, address: str) -> None:
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
        await inbox.receive(mail(address))
    assert [recipient.code for recipient in refused.value.recipients] == [550]
    await inbox.receive(mail("bouncer@acme.test"))
    assert (await inbox.find())["total"] == 1


async def test_a_mail_beyond_the_cap_is_refused(inbox: Inbox) -> None:
    with pytest.raises(aiosmtplib.SMTPResponseException) as refused:
        await inbox.receive(mail(X_Long="x" * 900 + " " + "y" * 100_000))
    assert refused.value.code == 552


async def test_an_acknowledged_mail_survives_a_kill(tmp_path: Path) -> None:
    port, smtp_port = free_ports(2)
    settings = {"WAYPOST_SMTP_PORT": str(smtp_port)}
    async with caller(f"http://{LOOPBACK}:{port}") as http:
        inbox = Inbox(http=http, smtp_port=smtp_port)
        async with _process(port, tmp_path, settings) as process:
            reply = await inbox.receive(mail(X_Key="kept"))
            await process.kill()
        assert reply.startswith("2.0.0 Stored")
        async with _process(port, tmp_path, settings):
            assert (await inbox.find(header__x_key="kept"))["total"] == 1


@asynccontextmanager
async def _process(port: int, folder: Path, settings: dict[str, str]) -> AsyncIterator[Any]:
    async with spawned("infra.simulators.inbox", port, folder, settings) as process:
        yield process
