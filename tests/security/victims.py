"""The services under attack: on each a tenant with data of every kind, and callers of another
tenant.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

from argon2 import PasswordHasher
from joserfc.jwk import OKPKey

from infra.stack.keys import Keys
from schemas.users import UserCreated
from tests.integration.billing.service import BillingService, Company
from tests.integration.billing.subscriptions import subscribed
from tests.integration.billing.taxes import rate
from tests.integration.infra.payments import provider
from tests.integration.infra.webhooks import SECRET
from tests.integration.users.service import Member, UsersService
from tests.security.target import CANARY, Headers, Recorded, Target, serving_here
from waypost.kernel.ids import TenantId
from waypost.kernel.role import Role
from waypost.testing.database import Databases
from waypost.testing.tokens import SIGNING_KEY, operator_bearer, principal
from waypost.web.principal import Operator
from waypost.web.tokens import sign


@asynccontextmanager
async def users_target(databases: Databases, keys: Keys) -> AsyncIterator[Target]:
    service = UsersService(await databases("users"), keys)
    service.rate_limiting = False
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    settings = {
        "WAYPOST_KEYS_DIRECTORY": str(keys.of("users")),
        "WAYPOST_IDEMPOTENCY_SECRET": keys.secrets.idempotency,
    }
    async with serving_here(service, settings, _HASHER=cheap) as (app, service.http):
        owner = await service.open_tenant(f"Company {CANARY}")
        member = await service.join(owner.tenant_id)
        admins = [await _admin(service, owner) for _ in range(3)]
        for person in (owner, member):
            path, name = f"/users/{person.user_id}", {"display_name": f"Ada {CANARY}"}
            assert (await service.http.patch(path, json=name, headers=person.headers)).status_code == 200
        await _invite(service, owner)
        await _export(service, owner, member)
        key = OKPKey.import_key(json.loads((keys.of("users") / "signing.json").read_text()))
        token = sign(Operator(name="grace").claims(), key, at=service.clock.now())
        operator = {"Authorization": f"Bearer {token}"}
        yield Target(
            service=service,
            app=app,
            http=service.http,
            tenant_id=owner.tenant_id,
            victims=[person.headers for person in (owner, member, *admins)],
            attackers={**await _staff(service), "anonymous": {}, "operator": operator},
            operator=operator,
            signing_key=key,
            claims=_claims_of(owner),
        )


async def _invite(service: UsersService, owner: Member) -> None:
    """An invitation and a request to join wait. Afterwards the tenant is open again."""
    token = await service.mailed_token(owner.tenant_id, owner.user_id)
    assert (await service.verify(token)).status_code == 200
    invited = {"email": f"invited.{CANARY}@example.com"}
    assert (await service.http.post("/invitations", json=invited, headers=owner.headers)).status_code == 201
    headers = {**owner.headers, "if-match": "*"}
    for mode in ("approval", "open"):
        assert (await service.http.put("/join-policy", json={"mode": mode}, headers=headers)).status_code == 200
        if mode == "approval":
            await service.sign_up(owner.tenant_id, f"asking.{CANARY}@example.com")
    listed = await service.http.get("/invitations", headers=owner.headers)
    assert sorted(each["status"] for each in listed.json()["data"]) == ["requested", "sent"]


async def _export(service: UsersService, *people: Member) -> None:
    """An export of each of the people is ready, with their names."""
    for person in people:
        accepted = await service.http.post(f"/users/{person.user_id}/export", headers=person.headers)
        assert accepted.status_code == 202, accepted.text
    await service.run_jobs(people[0].tenant_id)


def _claims_of(member: Member) -> Mapping[str, str]:
    """Those of the member's own token, which name the session."""
    payload = str(member.tokens["access_token"]).split(".")[1]
    claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return {name: claims[name] for name in ("sub", "tenant_id", "role", "scope", "sid")}


async def _staff(service: UsersService) -> Mapping[str, Headers]:
    owner = await service.open_tenant("Strangers")
    admin, member = await _admin(service, owner), await service.join(owner.tenant_id)
    return {"owner": owner.headers, "admin": admin.headers, "member": member.headers}


async def _admin(service: UsersService, owner: Member) -> Member:
    admin = await service.join(owner.tenant_id)
    promoted = await service.http.post(f"/users/{admin.user_id}/role", json={"role": "admin"}, headers=owner.headers)
    assert promoted.status_code == 200, promoted.text
    signed_in = await service.log_in(admin.tenant_id, admin.email)
    return replace(admin, tokens=signed_in.json())


@asynccontextmanager
async def billing_target(databases: Databases, folder: Path) -> AsyncIterator[Target]:
    async with provider(folder) as payments:
        service = BillingService(await databases("billing"), payments)
        service.rate_limiting = False
        settings = {"WAYPOST_PAYMENTS_URL": str(payments.base_url), "WAYPOST_PAYMENTS_WEBHOOK_SECRET": SECRET}
        async with serving_here(service, settings) as (app, service.http):
            company = Company(service, TenantId(uuid4()))
            company.customer_id = await _customer(company)
            recorded = await _trade(company)
            other = await service.company()
            yield Target(
                service=service,
                app=app,
                http=service.http,
                tenant_id=company.tenant_id,
                victims=[company.headers(), company.headers(Role.MEMBER, company.customer_id)],
                attackers={role.value: other.headers(role) for role in Role}
                | {"anonymous": {}, "operator": operator_bearer()},
                operator=operator_bearer(),
                signing_key=SIGNING_KEY,
                claims=principal(Role.OWNER, tenant_id=company.tenant_id, user_id=company.owner_id).claims(),
                recorded=[recorded],
            )


async def _customer(company: Company) -> UUID:
    created = a_person(company.tenant_id, uuid4(), company.billing.clock.now())
    await company.react(created, created.user_id)
    return created.user_id


def a_person(tenant_id: UUID, user_id: UUID, at: datetime) -> UserCreated:
    return UserCreated(
        tenant_id=tenant_id,
        user_id=user_id,
        email=f"{user_id.hex}.{CANARY}@example.com",
        display_name=f"Ada {CANARY}",
        role="member",
        locale="en",
        created_at=at,
    )


async def _trade(company: Company) -> Recorded:
    """Invoices in each state, a card, a subscription, a report and a refund; and a request with a
    key.
    """
    await company.attach_card()
    await company.attach_card("pm_card_slow")
    paid = await company.paid()
    await company.finalized()
    rates = [await rate(company, name=f"VAT {CANARY}") for _ in range(3)]  # one to archive, one to change
    assert (await company.post(f"/tax-rates/{rates[0]['id']}/default")).status_code == 200
    line = {"description": f"Loom {CANARY}", "quantity": 1, "unit_amount_minor": 100}
    assert (await company.post(f"/invoices/{await company.draft(5)}/lines", line)).status_code == 201
    await subscribed(company)
    report = {"kind": "revenue", "format": "csv", "from": "2026-01-01", "to": "2026-03-31"}
    assert (await company.post("/reports", report)).status_code == 202
    await company.billing.run_jobs(company.tenant_id)
    # After the jobs: the provider does not know the charge that it would refund.
    refund = await company.post(f"/invoices/{paid}/refund", {"amount_minor": 100})
    assert refund.status_code == 202, refund.text
    for amount in (7, 8, 9):  # one to discard, one to finalize, one to change
        await company.draft(amount)
    recorded = Recorded(
        path="/invoices",
        body={"customer_id": str(company.customer_id), "currency": "EUR"},
        key=f"key-of-{CANARY}",
    )
    made = await company.post(recorded.path, dict(recorded.body), Idempotency_Key=recorded.key)
    assert made.status_code == 201, made.text
    return recorded
