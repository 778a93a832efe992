"""A refused address is suppressed, with a reason, until an admin or an operator lifts it."""

from uuid import UUID

import aiosmtplib
import httpx
import pytest
from structlog.testing import capture_logs

from schemas.users import UserErased
from services.notifications.adapters.smtp import _refusal
from services.notifications.domain.bounce import SOFT_BOUNCES
from services.notifications.handlers.suppressions import suppress_address
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
