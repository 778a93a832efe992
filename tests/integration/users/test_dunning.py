"""Billing's events suspend a user."""

from datetime import UTC, datetime
from uuid import UUID

from schemas.billing import InvoiceMarkedUncollectible
from services.users.handlers.dunning import suspend_debtor
from tests.integration.users.service import Member, UsersService
from waypost.kernel.cause import current_cause
from waypost.kernel.envelope import Envelope
from waypost.kernel.ids import EventId, TenantId, new_id
from waypost.kernel.tenant import bound_tenants


async def test_a_debtor_is_suspended_once_and_signed_out(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)

    for _ in range(2):
        await _written_off(users, member)

    events = await users.event_types(member.tenant_id, member.user_id)
    assert events.count("user.suspended") == 1
    seen = await users.http.get(f"/users/{member.user_id}", headers=owner.headers)
    assert (seen.json()["status"], seen.json()["version"]) == ("suspended", len(events))
    assert (await users.log_in(member.tenant_id, member.email)).status_code == 401
    signed_in = await users.rows(member.tenant_id, "select distinct user_id from refresh_tokens")
    assert [row["user_id"] for row in signed_in] == [owner.user_id]


async def test_an_owner_who_does_not_pay_is_suspended_too(users: UsersService) -> None:
    owner = await users.open_tenant()
    await _written_off(users, owner)
    assert (await users.log_in(owner.tenant_id, owner.email)).status_code == 401


async def test_a_replayed_invoice_does_not_suspend_a_reactivated_user(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    first, second = [written_off_invoice(member.tenant_id, member.user_id) for _ in range(2)]
    for event in (first, second):
        await _react(users, event)
    reactivated = await users.http.post(f"/users/{member.user_id}/reactivate", headers=owner.headers)
    assert reactivated.status_code == 200, reactivated.text

    for event in (first, second):  # the second event finds them suspended
        await _react(users, event)
    assert (await users.event_types(member.tenant_id, member.user_id)).count("user.suspended") == 1
    assert (await users.log_in(member.tenant_id, member.email)).status_code == 200

    await _written_off(users, member)
    assert (await users.log_in(member.tenant_id, member.email)).status_code == 401


async def _written_off(users: UsersService, debtor: Member) -> None:
    await _react(users, written_off_invoice(debtor.tenant_id, debtor.user_id))


async def _react(users: UsersService, event: InvoiceMarkedUncollectible) -> None:
    with bound_tenants([TenantId(event.tenant_id)]):
        async with users.bus.units.begin() as uow:
            await suspend_debtor(received(event, version=9), uow)


def written_off_invoice(tenant_id: UUID, customer_id: UUID) -> InvoiceMarkedUncollectible:
    return InvoiceMarkedUncollectible(
        tenant_id=tenant_id,
        invoice_id=new_id(),
        customer_id=customer_id,
        number=1,
        total_minor=24_690,
        currency="EUR",
        attempts=5,
        marked_at=datetime(2026, 11, 25, tzinfo=UTC),
    )


def received(event: InvoiceMarkedUncollectible, *, version: int) -> Envelope[InvoiceMarkedUncollectible]:
    return Envelope(
        event=event,
        event_id=EventId(new_id()),
        tenant_id=TenantId(event.tenant_id),
        aggregate_id=event.invoice_id,
        aggregate_version=version,
        occurred_at=event.marked_at,
        source="/services/billing",
        cause=current_cause(),
    )
