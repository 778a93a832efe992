"""The optional mails that a user wants."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.domain import OPTIONAL, Category
from services.notifications.tables import preferences

_DEFAULTS: Mapping[Category, bool] = {category: category is not Category.DIGEST for category in OPTIONAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPreferences:
    """`choices` holds each optional category."""

    choices: Mapping[Category, bool] = field(default_factory=lambda: dict(_DEFAULTS))
    secret: bytes | None = field(default=None, repr=False)
    """The secret of the unsubscribe links; None for a user without a row."""

    def wants(self, category: Category) -> bool:
        """True for each category that cannot be switched off."""
        return self.choices.get(category, True)


async def mail_preferences(rows: AsyncConnection, user_id: UUID) -> MailPreferences:
    """The user's choices; the defaults for a user who never chose: everything except the digest."""
    row = (await rows.execute(select(preferences).where(preferences.c.user_id == user_id))).mappings().one_or_none()
    if row is None:
        return MailPreferences()
    return MailPreferences(
        choices={category: row[category.value] for category in OPTIONAL}, secret=row["unsubscribe_secret"]
    )
