"""Templates and their previews."""

import httpx

from services.notifications.domain import NotificationKind
from tests.integration.notifications.digests import headers
from tests.integration.notifications.service import Person
from waypost.kernel.role import Role


async def test_an_admin_sees_every_template_and_a_preview_in_each_language(http: httpx.AsyncClient) -> None:
    admin = headers(Person(), Role.ADMIN)
    listed = (await http.get("/templates", headers=admin)).json()
    assert [template["name"] for template in listed] == list(NotificationKind)
    for template in listed:
        for language in template["versions"]:
            path = f"/templates/{template['name']}/preview"
            preview = (await http.get(path, params={"locale": language}, headers=admin)).json()
            assert preview["subject"] and "Analytical Engines" in preview["text"]
            assert f'<html lang="{language}">' in preview["html"]


async def test_a_preview_needs_an_admin_a_known_kind_and_a_locale(http: httpx.AsyncClient) -> None:
    ada = Person()
    admin = headers(ada, Role.ADMIN)
    assert (await http.get("/templates", headers=headers(ada))).status_code == 403
    assert (await http.get("/templates/welcome/preview", headers=headers(ada))).status_code == 403
    assert (await http.get("/templates/nonsense/preview", headers=admin)).status_code == 422
    for locale in ("../etc", "de_DE", "%00", ""):
        answer = await http.get("/templates/welcome/preview", params={"locale": locale}, headers=admin)
        assert answer.status_code == 422, locale
