"""The notifications service under attack, as `victims` has the two others."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx

from infra.stack.keys import Keys
from schemas.users import TenantCreated
from services.notifications.handlers.suppressions import suppress_address
from services.notifications.ports import MailRefused
from services.notifications.projections import RECIPIENT_DIRECTORY, TENANT_DIRECTORY
from tests.integration.infra.inbox import Inbox
from tests.integration.notifications.service import NotificationsService, Person
from tests.security.target import CANARY, Target, serving_here
from tests.security.victims import a_person
from waypost.kernel.ids import TenantId
from waypost.kernel.role import Role
from waypost.kernel.tenant import bound_tenants
from waypost.native.ports import LOOPBACK
from waypost.testing.database import Databases
from waypost.testing.tokens import SIGNING_KEY, bearer, operator_bearer, principal


@asynccontextmanager
async def notifications_target(databases: Databases, keys: Keys) -> AsyncIterator[Target]:
    unused = httpx.AsyncClient()
    inbox = Inbox(http=unused, smtp_port=1)  # no job runs, so no mail is sent
    service = NotificationsService(await databases("notifications"), inbox, keys)
    service.rate_limiting = False
    settings = {
        "WAYPOST_SMTP_HOST": LOOPBACK,
        "WAYPOST_SMTP_PORT": "1",
        "WAYPOST_PUBLIC_URL": "https://waypost.test",
        "WAYPOST_UNSUBSCRIBE_URL": "https://mail.waypost.test/unsubscribe",
        "WAYPOST_KEYS_DIRECTORY": str(keys.of("notifications")),
    }
    async with unused, serving_here(service, settings) as (app, service.http):
        victim, other = Person(), Person()
        for person in (victim, other):
            await _know(service, person)
        headers = bearer(principal(Role.MEMBER, tenant_id=victim.tenant_id, user_id=victim.user_id))
        assert (await service.http.put("/preferences", json={"digest": True}, headers=headers)).status_code == 200
        await _suppress_an_address(service, victim)
        await _receive_webhooks(service, victim)
        yield Target(
            service=service,
            app=app,
            http=service.http,
            tenant_id=victim.tenant_id,
            victims=[bearer(principal(Role.OWNER, tenant_id=victim.tenant_id)), headers],
            attackers={
                role.value: bearer(principal(role, tenant_id=other.tenant_id, user_id=other.user_id)) for role in Role
            }
            | {"anonymous": {}, "operator": operator_bearer()},
            operator=operator_bearer(),
            signing_key=SIGNING_KEY,
            claims=principal(Role.OWNER, tenant_id=victim.tenant_id).claims(),
        )


async def _suppress_an_address(service: NotificationsService, victim: Person) -> None:
    tenant_id = TenantId(victim.tenant_id)
    refusal = MailRefused("mailbox unavailable", 550, is_bad_address=True)
    with bound_tenants([tenant_id]):
        async with service.runtime.units.begin() as uow:
            address = f"gone.{CANARY}@example.com"
            await suppress_address(tenant_id, victim.user_id, address, refusal, service.clock.now(), uow)


async def _receive_webhooks(service: NotificationsService, victim: Person) -> None:
    """An endpoint with a delivery that waits; a second endpoint, to be deleted by the victim."""
    owner = bearer(principal(Role.OWNER, tenant_id=victim.tenant_id))
    for path in (CANARY, "other"):
        body = {"url": f"https://hooks.example.com/{path}", "event_types": ["user.created"]}
        made = await service.http.post("/webhook-endpoints", json=body, headers=owner)
        assert made.status_code == 201, made.text
        test = f"/webhook-endpoints/{made.json()['endpoint_id']}/test"
        assert (await service.http.post(test, headers=owner)).status_code == 202


async def _know(service: NotificationsService, person: Person) -> None:
    """The person joins a tenant, and a mail to them waits."""
    now = service.clock.now()
    tenant = TenantCreated(tenant_id=person.tenant_id, name=f"Company {CANARY}", created_at=now)
    await service.deliver(person.envelope(tenant), to=TENANT_DIRECTORY.name)
    created = a_person(person.tenant_id, person.user_id, now)
    await service.deliver(person.envelope(created), to=RECIPIENT_DIRECTORY.name)
    await service.react(service.verification(person, "a token", lifetime=timedelta(days=1)))
