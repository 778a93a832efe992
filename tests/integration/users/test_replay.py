"""A replay of billing's events suspends no user again."""

from dataclasses import replace
from typing import Any

from services.users.app import SERVICE
from tests.fixtures.replay_check import ReplayCheck
from tests.integration.users.service import UsersService
from tests.integration.users.test_dunning import settlement, written_off_invoice
from waypost.kernel.envelope import Envelope
from waypost.testing.envelopes import envelope_of
from waypost.testing.eventually import eventually
from waypost.testing.hosted import hosted
from waypost.testing.kafka import Broker


async def test_a_full_replay_changes_nothing(users: UsersService, own_kafka: Broker) -> None:
    owner = await users.open_tenant()
    member, admin = await users.join(owner.tenant_id), await users.join(owner.tenant_id)
    await users.http.post(f"/users/{admin.user_id}/role", json={"role": "admin"}, headers=owner.headers)
    tokens = (await users.log_in(admin.tenant_id, admin.email)).json()
    debts = [written_off_invoice(member.tenant_id, debtor.user_id) for debtor in (member, member, owner)]
    history: list[Envelope[Any]] = [envelope_of(event, event.invoice_id) for event in debts]
    history.append(envelope_of(settlement(debts[-1], outstanding=0), debts[-1].invoice_id, 2))
    async with hosted(SERVICE, users.where, bootstrap=own_kafka.bootstrap) as service:
        await service.publish(*history)
        check = ReplayCheck(SERVICE, users.where, own_kafka.bootstrap)
        async with service.consuming("dunning"):
            await eventually(lambda: check.has_processed_all(history), deadline_seconds=40)
    assert (await users.log_in(member.tenant_id, member.email)).status_code == 401
    reactivated = await users.http.post(
        f"/users/{member.user_id}/reactivate", headers=replace(admin, tokens=tokens).headers
    )
    assert reactivated.status_code == 200, reactivated.text

    await check.changes_nothing(owner.tenant_id, history)
    assert (await users.log_in(member.tenant_id, member.email)).status_code == 200
