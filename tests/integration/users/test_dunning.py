"""Billing's events suspend a user, and reactivate the user."""

from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

import pytest

from infra.stack.keys import Keys
from schemas.billing import CustomerInvoiceWrittenOff, CustomerWriteOffSettled
from services.users.adapters.keys import signing_key
from services.users.handlers.dunning import DUNNING
from tests.integration.users.service import Member, UsersService
from waypost.kernel.cause import current_cause
from waypost.kernel.envelope import Envelope
from waypost.kernel.ids import EventId, TenantId, new_id
from waypost.kernel.tenant import bound_tenants
from waypost.testing.database import connected
from waypost.web.principal import Operator
from waypost.web.tokens import sign

NOW = datetime(2026, 11, 25, tzinfo=UTC)


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


async def test_an_owner_is_never_suspended_by_an_invoice(users: UsersService) -> None:
    owner = await users.open_tenant()
    await _written_off(users, owner)
    assert (await users.log_in(owner.tenant_id, owner.email)).status_code == 200
    assert (await users.http.get("/users", headers=owner.headers)).status_code == 200
    assert "user.suspended" not in await users.event_types(owner.tenant_id, owner.user_id)


async def test_the_payment_of_the_last_write_off_reactivates(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    first, second = [written_off_invoice(member.tenant_id, member.user_id) for _ in range(2)]
    for event in (first, second):
        await _react(users, event)
    await _react(users, settlement(first, outstanding=1))
    assert (await users.log_in(member.tenant_id, member.email)).status_code == 401
    last = settlement(second, outstanding=0)
    await _react(users, last)
    assert (await users.log_in(member.tenant_id, member.email)).status_code == 200

    await _written_off(users, member)
    await _react(users, last)  # a replayed settlement pays no later debt
    assert (await users.log_in(member.tenant_id, member.email)).status_code == 401


@pytest.mark.parametrize("suspended_first", [True, False])
async def test_a_payment_does_not_lift_the_suspension_of_an_admin(users: UsersService, suspended_first: bool) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    debt = written_off_invoice(member.tenant_id, member.user_id)
    if not suspended_first:
        await _react(users, debt)
    suspended = await users.http.post(f"/users/{member.user_id}/suspend", headers=owner.headers)
    assert suspended.status_code == 200, suspended.text
    if suspended_first:
        await _react(users, debt)
    await _react(users, settlement(debt, outstanding=0))
    assert (await users.log_in(member.tenant_id, member.email)).status_code == 401
    assert "user.reactivated" not in await users.event_types(member.tenant_id, member.user_id)


async def test_an_operator_reactivates_a_user_and_it_is_audited(users: UsersService, keys: Keys) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    await _written_off(users, member)
    path, body = (
        f"/ops/users/{member.user_id}/reactivate",
        {"tenant_id": str(owner.tenant_id), "reason": "paid in cash"},
    )
    for refused, status in (({}, 401), (owner.headers, 403)):
        assert (await users.http.post(path, json=body, headers=refused)).status_code == status
    token = sign(Operator(name="grace").claims(), signing_key(keys.of("users")), at=users.clock.now())
    operator = {"authorization": f"Bearer {token}"}
    other = await users.open_tenant()
    elsewhere = await users.http.post(path, json=body | {"tenant_id": str(other.tenant_id)}, headers=operator)
    assert elsewhere.status_code == 404
    answer = await users.http.post(path, json=body, headers=operator)
    assert (answer.status_code, answer.json()["status"]) == (200, "active"), answer.text
    assert (await users.log_in(member.tenant_id, member.email)).status_code == 200
    assert (await users.http.post(path, json=body, headers=operator)).status_code == 409
    async with connected(users.where.ops) as ops:
        [action] = await ops.fetch("select operator, reason, verb, subject from operator_actions")
    assert dict(action) == {
        "operator": "grace",
        "reason": "paid in cash",
        "verb": "users.reactivate",
        "subject": str(member.user_id),
    }


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


async def _react(users: UsersService, event: CustomerInvoiceWrittenOff | CustomerWriteOffSettled) -> None:
    with bound_tenants([TenantId(event.tenant_id)]):
        async with users.bus.units.begin() as uow:
            await DUNNING.handlers[type(event)](received(event, version=9), uow)


def settlement(debt: CustomerInvoiceWrittenOff, *, outstanding: int) -> CustomerWriteOffSettled:
    return CustomerWriteOffSettled(
        tenant_id=debt.tenant_id,
        customer_id=debt.customer_id,
        invoice_id=debt.invoice_id,
        outstanding=outstanding,
        settled_at=NOW,
    )


def written_off_invoice(tenant_id: UUID, customer_id: UUID) -> CustomerInvoiceWrittenOff:
    return CustomerInvoiceWrittenOff(
        tenant_id=tenant_id,
        invoice_id=new_id(),
        customer_id=customer_id,
        outstanding=1,
        written_off_at=NOW,
    )


E = TypeVar("E", CustomerInvoiceWrittenOff, CustomerWriteOffSettled)


def received(event: E, *, version: int) -> Envelope[E]:
    return Envelope(
        event=event,
        event_id=EventId(new_id()),
        tenant_id=TenantId(event.tenant_id),
        aggregate_id=event.customer_id,
        aggregate_version=version,
        occurred_at=NOW,
        source="/services/billing",
        cause=current_cause(),
    )
