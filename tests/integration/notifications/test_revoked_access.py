"""A valid access token is refused as soon as notifications has the event of the suspension,
demotion or erasure.
"""

from datetime import timedelta

import httpx
import pytest

from services.notifications.app import SERVICE
from services.notifications.projections import PRINCIPALS
from tests.fixtures.revoked_access import ENDINGS, ID, created, endings, enveloped, requests
from tests.integration.notifications.digests import headers
from tests.integration.notifications.service import NotificationsService, Person
from waypost.engine.projections import project
from waypost.kernel.ids import TenantId
from waypost.kernel.role import Role

BODIES = {
    ("POST", "/notifications/{notification_id}/read"): None,
    ("PUT", "/preferences"): {"digest": True},
    ("DELETE", "/suppressions/{suppression_id}"): None,
}


@pytest.mark.parametrize("ending", [None, *ENDINGS])
async def test_a_revoked_user_cannot_act(
    notifications: NotificationsService, http: httpx.AsyncClient, ending: str | None
) -> None:
    ada = Person()
    await notifications.know(ada)
    now = notifications.clock.now() + timedelta(minutes=1)  # later than the token
    happened = [created(ada.tenant_id, ada.user_id, now)]
    after = endings(ada.tenant_id, ada.user_id, now)[ending] if ending else []
    async with notifications.database.transaction([TenantId(ada.tenant_id)]) as connection:
        await project(enveloped([*happened, *after], ada.tenant_id, ada.user_id, now), PRINCIPALS.handlers, connection)

    who = headers(ada, Role.ADMIN)
    answers = [await http.request(verb, path, json=body, headers=who) for verb, path, body in requests(SERVICE, BODIES)]
    reads = ("/notifications", f"/notifications/{ID}", "/suppressions", "/templates")
    answers += [await http.get(path, headers=who) for path in reads]

    if ending is None:
        assert [answer.status_code for answer in answers] == [404, 200, 404, 200, 404, 200, 200]
    else:
        assert {answer.status_code for answer in answers} == {401}
        assert await notifications.rows(ada.tenant_id, "select 1 from preferences") == []
