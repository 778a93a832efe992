"""A refused address is suppressed, with a reason, until an admin or an operator lifts it."""

from typing import Any
from uuid import UUID

import aiosmtplib
import httpx
import pytest
from structlog.testing import capture_logs

from schemas.users import UserErased
from services.notifications.adapters.smtp import _refusal
from services.notifications.adapters.smtp_security import MailServerRefused
from services.notifications.domain import Notification
from services.notifications.domain.bounce import SOFT_BOUNCES, BounceKind, SuppressionReason
from services.notifications.handlers.bounces import store_bounce
from services.notifications.handlers.suppressions import store_suppression, suppress_address
from services.notifications.ports import MailRefused
from services.notifications.projections import RECIPIENT_DIRECTORY
from tests.integration.notifications.digests import headers
from tests.integration.notifications.service import NotificationsService, Person
from tests.integration.notifications.test_mails_of_events import of_an_account
from waypost.kernel.errors import Transient
from waypost.kernel.ids import TenantId, new_id
from waypost.kernel.role import Role
from waypost.kernel.tenant import bound_tenants


@pytest.mark.parametrize(
    ("code", "message", "reason", "is_bad_address"),
    [
        (550, "5.1.1 no such user", "mailbox_unknown", True),
        (550, "5.1.2 no such domain", "mailbox_unknown", True),
        (551, "5.1.6 moved", "mailbox_unknown", True),
        (550, "no such user", "mail_refused", False),
        (551, "moved", "mail_refused", False),
        (553, "sender rejected", "mail_refused", False),
        (550, "5.2.1 too many mails at once", "mail_refused", False),
        (556, "5.1.10 null MX", "mailbox_unknown", True),
        (550, "5.7.1 your address is on a block list", "mail_refused", False),
        (553, "5.1.8 bad sender's system", "mail_refused", False),
        (552, "5.2.2 mailbox full", "mail_refused", False),
        (554, "no thanks", "mail_refused", False),
    ],
)
def test_only_a_fault_of_the_address_suppresses_it(code: int, message: str, reason: str, is_bad_address: bool) -> None:
    refused = _refusal(aiosmtplib.SMTPRecipientRefused(code, message, "ada@example.com"))
    assert isinstance(refused, MailRefused)
    assert (refused.reason, refused.code, refused.is_bad_address) == (reason, code, is_bad_address)
    assert refused.is_soft is message.startswith("5.2.")


@pytest.mark.parametrize("kind", [aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPDataError])
def test_a_refusal_of_the_sender_or_the_text_suppresses_nothing(kind: type[aiosmtplib.SMTPResponseException]) -> None:
    arguments = ("sender",) if kind is aiosmtplib.SMTPSenderRefused else ()
    refused = _refusal(kind(550, "5.1.1 no", *arguments))
    assert isinstance(refused, MailRefused) and not refused.is_bad_address
    assert isinstance(_refusal(kind(450, "4.2.1 later", *arguments)), Transient)


@pytest.mark.parametrize(
    "error",
    [
        aiosmtplib.SMTPSenderRefused(550, "5.7.1 not your domain", "sender"),
        aiosmtplib.SMTPSenderRefused(553, "no", "sender"),
        aiosmtplib.SMTPSenderRefused(550, "5.1.8 sender's domain not found", "sender"),
    ],
)
def test_a_refused_return_path_is_a_fault_of_the_settings_and_loses_no_mail(error: Any) -> None:
    refused = _refusal(error, "b+token@bounces.example.com")
    assert isinstance(refused, MailServerRefused) and isinstance(refused, Transient)
    assert "WAYPOST_BOUNCE_DOMAIN" in str(refused) and "ada" not in str(refused)
    assert isinstance(_refusal(error), MailRefused)


def test_a_refusal_of_one_mail_with_a_return_path_is_final() -> None:
    for error in (
        aiosmtplib.SMTPSenderRefused(552, "5.3.4 too large", "sender"),
        aiosmtplib.SMTPDataError(554, "5.6.0 no"),
        aiosmtplib.SMTPRecipientRefused(550, "5.7.1 no", "ada@example.com"),
    ):
        assert isinstance(_refusal(error, "b+token@bounces.example.com"), MailRefused)


def test_a_word_in_the_answer_of_a_server_does_not_make_it_an_outage() -> None:
    """Such a mail would be sent again without end."""
    for text in ("5.7.1 this domain requires STARTTLS", "5.7.1 AUTH or STARTTLS required"):
        refused = _refusal(aiosmtplib.SMTPRecipientRefused(550, text, "ada@example.com"))
        assert isinstance(refused, MailRefused) and not refused.is_bad_address
        assert isinstance(_refusal(aiosmtplib.SMTPDataError(554, text)), MailRefused)


async def test_a_refused_address_gets_no_mail_until_it_is_lifted(
    notifications: NotificationsService, http: httpx.AsyncClient
) -> None:
    gone = Person(email=f"bounce+{new_id().hex}@example.com")
    await notifications.react(await notifications.know(gone))
    await notifications.run_jobs(gone.tenant_id)
    await _change_password(notifications, gone)
    assert await notifications.statuses(gone) == [
        ("password_changed", "suppressed", "bounced"),
        ("welcome", "failed", "mailbox_unknown"),
    ]
    admin = headers(Person(tenant_id=gone.tenant_id), Role.ADMIN)
    [shown] = (await http.get("/suppressions", headers=admin)).json()["data"]
    assert (shown["recipient_id"], shown["reason"]) == (str(gone.user_id), "mailbox_unknown")
    assert gone.email not in str(shown)

    path = f"/suppressions/{shown['suppression_id']}"
    assert (await http.delete(path, headers=headers(gone))).status_code == 403
    assert (await http.delete(path, headers=headers(Person(), Role.OWNER))).status_code == 404
    assert (await http.delete(path, headers=admin)).status_code == 204
    assert (await http.delete(path, headers=admin)).status_code == 404
    await _change_password(notifications, gone)
    assert ("password_changed", "failed", "mailbox_unknown") in await notifications.statuses(gone)


async def test_a_full_mailbox_is_suppressed_after_several_mails(notifications: NotificationsService) -> None:
    full = Person(email=f"full+{new_id().hex}@example.com")
    await notifications.know(full)
    for _ in range(SOFT_BOUNCES):
        assert await notifications.rows(full.tenant_id, "select 1 from suppressed_addresses") == []
        await _change_password(notifications, full)
    [row] = await notifications.rows(full.tenant_id, "select reason, code from suppressed_addresses")
    assert (row["reason"], row["code"]) == ("soft_bounces", 552)
    await _change_password(notifications, full)  # a mail about the security of the account is tried
    assert {status[1:] for status in await notifications.statuses(full)} == {("failed", "mail_refused")}


async def test_an_operator_lifts_a_suppression_by_a_job(notifications: NotificationsService) -> None:
    gone = Person(email=f"bounce+{new_id().hex}@example.com")
    await notifications.react(await notifications.know(gone))
    await notifications.run_jobs(gone.tenant_id)
    [row] = await notifications.rows(gone.tenant_id, "select suppression_id from suppressed_addresses")
    await _lift(notifications, gone, row["suppression_id"])
    assert await notifications.rows(gone.tenant_id, "select 1 from suppressed_addresses") == []


async def test_a_refusal_after_the_erasure_stores_no_address(notifications: NotificationsService) -> None:
    gone, now = Person(), notifications.clock.now()
    await notifications.know(gone)
    erased = gone.envelope(UserErased(tenant_id=gone.tenant_id, user_id=gone.user_id, erased_at=now), 3)
    await notifications.deliver(erased, to=RECIPIENT_DIRECTORY.name, repeat=True)
    tenant, refusal = TenantId(gone.tenant_id), MailRefused("mailbox_unknown", 550, is_bad_address=True)
    with bound_tenants([tenant]):
        async with notifications.bus.units.begin() as uow:
            await suppress_address(tenant, gone.user_id, gone.email, refusal, now, uow)
    assert await notifications.rows(gone.tenant_id, "select 1 from suppressed_addresses") == []


async def _lift(notifications: NotificationsService, person: Person, suppression_id: UUID) -> None:
    with bound_tenants([TenantId(person.tenant_id)]):
        async with notifications.bus.units.begin() as uow:
            await uow.jobs.enqueue("lift_suppression", suppression_id=suppression_id)
    await notifications.run_jobs(person.tenant_id)


async def _change_password(notifications: NotificationsService, person: Person) -> None:
    event = of_an_account(person, notifications.clock.now())["password_changed"]
    await notifications.react(person.envelope(event))
    await notifications.run_jobs(person.tenant_id)


async def test_a_suppression_is_replaced_by_a_stronger_one_and_belongs_to_the_present_holder(
    notifications: NotificationsService,
) -> None:
    ada, now = Person(), notifications.clock.now()
    grace = Person(tenant_id=ada.tenant_id, email=ada.email)
    soft, complained, hard = (
        SuppressionReason.SOFT_BOUNCES,
        SuppressionReason.COMPLAINED,
        SuppressionReason.MAILBOX_UNKNOWN,
    )
    seen = []
    for person, reason in (
        (ada, soft),
        (grace, soft),
        (ada, complained),
        (grace, soft),
        (ada, hard),
        (grace, complained),
    ):
        async with notifications.unit_of_work(ada.tenant_id) as uow:
            await store_suppression(TenantId(ada.tenant_id), person.user_id, ada.email, reason, 0, now, uow)
        [row] = await notifications.rows(ada.tenant_id, "select reason, recipient_id from suppressed_addresses")
        assert row["recipient_id"] == person.user_id
        seen.append(row["reason"])
    assert seen == [soft, soft, complained, complained, hard, hard]


async def test_an_erasure_deletes_what_an_earlier_holder_of_the_address_left(
    notifications: NotificationsService,
) -> None:
    """Ada had the address, and Grace had it last; both rows name Ada. Those of others stay."""
    ada, now = Person(email="first@example.com"), notifications.clock.now()
    grace = Person(tenant_id=ada.tenant_id, email="shared@example.com")
    await notifications.know(ada)
    await notifications.deliver(grace.created(now), to=RECIPIENT_DIRECTORY.name)
    tenant_id = TenantId(ada.tenant_id)
    invited, sent = new_id(), await _sent(notifications, ada)
    async with notifications.unit_of_work(tenant_id) as uow:
        for holder, address in ((ada.user_id, grace.email), (ada.user_id, ada.email), (invited, "new@example.com")):
            await store_suppression(tenant_id, holder, address, SuppressionReason.COMPLAINED, 0, now, uow)
        await store_bounce(sent, BounceKind.SOFT, grace.email, 0, now, uow)
        await store_bounce(sent, BounceKind.HARD, ada.email, 0, now, uow)
    gone = grace.envelope(UserErased(tenant_id=tenant_id, user_id=grace.user_id, erased_at=now), 3)
    await notifications.deliver(gone, to=RECIPIENT_DIRECTORY.name, repeat=True)
    await notifications.react(gone)
    for table, left in (("suppressed_addresses", {ada.email, "new@example.com"}), ("bounces", {ada.email, None})):
        rows = await notifications.rows(tenant_id, f"select address from {table}")
        assert {row["address"] for row in rows} == left, table


async def _sent(notifications: NotificationsService, person: Person) -> Notification:
    await _change_password(notifications, person)
    [row] = await notifications.rows(person.tenant_id, "select notification_id from notifications")
    async with notifications.unit_of_work(person.tenant_id) as uow:
        return await uow.load(Notification, row["notification_id"])


async def test_an_address_that_is_refused_twice_is_logged_with_the_stored_id(
    notifications: NotificationsService,
) -> None:
    gone = Person()
    await notifications.know(gone)
    tenant_id, refusal = TenantId(gone.tenant_id), MailRefused("mailbox_unknown", 550, is_bad_address=True)
    with capture_logs() as logs:
        for _ in range(2):
            with bound_tenants([tenant_id]):
                async with notifications.runtime.units.begin() as uow:
                    await suppress_address(tenant_id, gone.user_id, gone.email, refusal, notifications.clock.now(), uow)
    [row] = await notifications.rows(gone.tenant_id, "select suppression_id from suppressed_addresses")
    logged = [entry["suppression_id"] for entry in logs if entry["event"] == "address_suppressed"]
    assert logged == [str(row["suppression_id"])]
