"""A valid access token is refused as soon as notifications has the event that ends its user's
rights, its session or its tenant.
"""

from datetime import timedelta

import httpx
import pytest

from services.notifications.app import SERVICE
from tests.fixtures.revoked_access import STATES, admin_reads, created, endings, hear, requests
from tests.integration.notifications.service import NotificationsService, Person
from waypost.kernel.ids import TenantId, new_id
from waypost.kernel.role import Role
from waypost.testing.tokens import bearer
from waypost.web.principal import Principal

_ENDPOINT = "/webhook-endpoints/{endpoint_id}"
BODIES = {
    ("POST", "/notifications/{notification_id}/read"): None,
    ("PUT", "/preferences"): {"digest": True},
    ("DELETE", "/suppressions/{suppression_id}"): None,
    ("POST", "/webhook-endpoints"): {"url": "https://hooks.example.com/", "event_types": ["invoice.paid"]},
    ("PATCH", _ENDPOINT): {"enabled": False},
    ("DELETE", _ENDPOINT): None,
    ("POST", f"{_ENDPOINT}/rotate-secret"): {"overlap_seconds": 60},
    ("POST", f"{_ENDPOINT}/test"): None,
    ("POST", f"{_ENDPOINT}/redeliver"): {"since": "2026-01-01T00:00:00Z"},
    ("POST", f"{_ENDPOINT}/deliveries/{{delivery_id}}/redeliver"): None,
}


@pytest.mark.parametrize("state", [None, *STATES])
async def test_a_revoked_user_cannot_act(
    notifications: NotificationsService, http: httpx.AsyncClient, state: str | None
) -> None:
    ada, session_id = Person(), new_id()
    await notifications.know(ada)
    now = notifications.clock.now() + timedelta(minutes=1)  # later than the token
    after = endings(ada.tenant_id, ada.user_id, session_id, now)[state] if state else []
    async with notifications.database.transaction([TenantId(ada.tenant_id)]) as rows:
        events = [created(ada.tenant_id, ada.user_id, now), *after]
        await hear(events, ada.tenant_id, ada.user_id, now, SERVICE, rows)

    who = bearer(
        Principal(user_id=ada.user_id, tenant_id=TenantId(ada.tenant_id), role=Role.ADMIN, session_id=session_id)
    )
    answers = [await http.request(verb, path, json=body, headers=who) for verb, path, body in requests(SERVICE, BODIES)]
    answers += [await http.get(path, headers=who) for path in admin_reads(SERVICE)]

    if state is None:
        assert [answer.status_code for answer in answers] == [
            *(404, 200, 404, 201, *[404] * 6),
            *(200, 404, 200, 200, 200, 422),
            *(200, 404, 404, 200, 404, 404),
        ]
    else:
        assert {answer.status_code for answer in answers} == {401}
        for table in ("preferences", "webhook_endpoints"):
            assert await notifications.rows(ada.tenant_id, f"select 1 from {table}") == []
