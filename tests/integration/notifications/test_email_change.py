"""A change of an address: the new one gets the proving link, the present one the cancelling one."""

import base64
import json
from datetime import timedelta

from nacl.public import PublicKey, SealedBox

from infra.stack.keys import Keys
from schemas.users import UserEmailChanged, UserEmailChangeRequested
from tests.integration.notifications.conftest import PUBLIC_URL
from tests.integration.notifications.service import NotificationsService, Person


async def test_each_address_gets_its_own_link(notifications: NotificationsService, keys: Keys) -> None:
    ada = Person()
    moved = Person(tenant_id=ada.tenant_id, user_id=ada.user_id)
    await notifications.know(ada)
    requested = change(notifications, keys, ada, moved)
    for _ in range(2):
        await notifications.react(ada.envelope(requested, version=2))
    # The change takes effect before the mails are sent.
    changed = UserEmailChanged(
        tenant_id=ada.tenant_id,
        user_id=ada.user_id,
        email=moved.email,
        previous_email=ada.email,
        changed_at=notifications.clock.now(),
    )
    await notifications.project(ada.envelope(changed, version=3))
    await notifications.run_jobs(ada.tenant_id)

    [proof], [notice] = await notifications.mails(moved), await notifications.mails(ada)
    for mail, link, other in (
        (proof, f"{PUBLIC_URL}/email/confirm?token=prove-me", "cancel-me"),
        (notice, f"{PUBLIC_URL}/email/cancel?token=cancel-me", "prove-me"),
    ):
        assert link in mail["text"] and link in mail["html"]
        assert other not in mail["text"] and other not in mail["html"]
    assert moved.email not in notice["text"]
    assert await notifications.rows(ada.tenant_id, "select 1 from sealed_tokens") == []


def change(
    notifications: NotificationsService, keys: Keys, present: Person, wanted: Person
) -> UserEmailChangeRequested:
    """Sealed for this service, like the users service does."""
    public = json.loads((keys.of("users") / "sealing.public.json").read_text())
    box, now = SealedBox(PublicKey(base64.b64decode(public["public_key"]))), notifications.clock.now()
    return UserEmailChangeRequested(
        tenant_id=present.tenant_id,
        user_id=present.user_id,
        email=present.email,
        new_email=wanted.email,
        locale="en",
        sealing_key_id=public["key_id"],
        sealed_token=box.encrypt(b"prove-me"),
        sealed_cancel_token=box.encrypt(b"cancel-me"),
        expires_at=now + timedelta(hours=1),
        cancel_expires_at=now + timedelta(days=3),
        requested_at=now,
    )
