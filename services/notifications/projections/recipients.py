"""Recipients of notifications, from the users topic."""

from collections.abc import Sequence
from functools import partial

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.users import (
    UserCreated,
    UserEmailChanged,
    UserEmailVerified,
    UserErased,
    UserProfileUpdated,
)
from services.notifications.tables import RECIPIENTS, recipients
from waypost.engine.projections import changes
from waypost.kernel.envelope import Envelope
from waypost.ports.consumers import AsyncProjection

_recipient = partial(changes, recipients, recipients.c.user_id)


async def add_recipients(created: Sequence[Envelope[UserCreated]], rows: AsyncConnection) -> None:
    statement = insert(recipients).values(
        [
            {
                "tenant_id": envelope.tenant_id,
                "user_id": envelope.aggregate_id,
                "email": envelope.event.email,
                "display_name": envelope.event.display_name,
                "locale": envelope.event.locale,
                "status": "unverified",
            }
            for envelope in created
        ]
    )
    columns = ("email", "display_name", "locale", "status")
    await rows.execute(
        statement.on_conflict_do_update(
            index_elements=["tenant_id", "user_id"], set_={name: statement.excluded[name] for name in columns}
        )
    )


RECIPIENT_DIRECTORY = AsyncProjection(
    "recipients",
    {
        UserCreated: add_recipients,
        UserProfileUpdated: _recipient(lambda event: {"display_name": event.display_name, "locale": event.locale}),
        UserEmailChanged: _recipient(lambda event: {"email": event.email, "status": "unverified"}),
        UserEmailVerified: _recipient(lambda event: {"status": "verified"}),
        UserErased: _recipient(lambda event: {"email": "", "display_name": "", "locale": "", "status": "erased"}),
    },
    RECIPIENTS,
)
