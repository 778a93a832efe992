"""What billing's events do to a user."""

from uuid import UUID

from schemas.billing import InvoiceMarkedUncollectible
from services.users.handlers.dunning import suspend_debtor
from shared.kernel.cause import current_cause
from shared.kernel.envelope import Envelope
from shared.kernel.ids import EventId, TenantId, new_id
from shared.kernel.tenant import bound_tenants
from tests.integration.users.service import Member, UsersService


async def test_who_does_not_pay_is_suspended_once_and_signed_out(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)

    for _ in range(2):
        await _written_off(users, member)

    events = await users.event_types(member.tenant_id, member.user_id)
    assert events.count("user.suspended") == 1
    seen = await users.http.get(f"/users/{member.user_id}", headers=owner.headers)
    assert (seen.json()["status"], seen.json()["version"]) == ("suspended", len(events))
    assert (await users.log_in(member.tenant_id, member.email)).status_code == 401
    refresh = {"refresh_token": member.tokens["refresh_token"]}
    assert (await users.http.post("/token/refresh", json=refresh)).status_code == 401


async def test_an_owner_who_does_not_pay_is_no_exception(users: UsersService) -> None:
    owner = await users.open_tenant()
    await _written_off(users, owner)
    assert (await users.log_in(owner.tenant_id, owner.email)).status_code == 401


async def _written_off(users: UsersService, debtor: Member) -> None:
    event = InvoiceMarkedUncollectible(
        tenant_id=debtor.tenant_id,
        invoice_id=new_id(),
        customer_id=debtor.user_id,
        number=1,
        total_minor=24_690,
        currency="EUR",
        attempts=5,
        marked_at=users.clock.now(),
    )
    with bound_tenants([TenantId(debtor.tenant_id)]):
        async with users.bus.units.begin() as uow:
            await suspend_debtor(_received(event, event.invoice_id), uow)


def _received(event: InvoiceMarkedUncollectible, aggregate_id: UUID) -> Envelope[InvoiceMarkedUncollectible]:
    return Envelope(
        event=event,
        event_id=EventId(new_id()),
        tenant_id=TenantId(event.tenant_id),
        aggregate_id=aggregate_id,
        aggregate_version=9,
        occurred_at=event.marked_at,
        source="/services/billing",
        cause=current_cause(),
    )
