"""Optional mails: the daily digest, receipts and news of subscriptions."""

import secrets

from fastapi import APIRouter
from pydantic import Field

from services.notifications.commands import ChooseMails
from services.notifications.domain import SECRET_BYTES, Category
from services.notifications.domain.bounce import SuppressionReason
from services.notifications.queries.preferences import mail_preferences
from services.notifications.queries.suppressions import own_suppression
from waypost.web.auth import Caller
from waypost.web.models import RequestModel, ResponseModel
from waypost.web.principal import Principal
from waypost.web.request import Context

router = APIRouter(prefix="/preferences", tags=["preferences"])

DIGEST = "A daily mail at 09:00 UTC that lists invoices with unread notifications; not sent on a day without them."
RECEIPTS = "Mails about paid, voided and refunded invoices."
SUBSCRIPTIONS = "Mails about started, changed and canceled subscriptions."


SUPPRESSED = (
    "Why the caller's address gets no mail: `mailbox_unknown`. With `complained` and `soft_bounces` it gets mails about the"
    " security of the account only. Null if it gets mails."
)


class PreferenceChange(RequestModel):
    """Omitted categories other than the digest stay unchanged."""

    digest: bool = Field(description=DIGEST)
    receipts: bool | None = Field(default=None, description=RECEIPTS)
    subscriptions: bool | None = Field(default=None, description=SUBSCRIPTIONS)


class Preferences(ResponseModel):
    """Mails about security and about money that is owed cannot be switched off."""

    digest: bool = Field(description=DIGEST)
    receipts: bool = Field(description=RECEIPTS)
    subscriptions: bool = Field(description=SUBSCRIPTIONS)
    suppressed: SuppressionReason | str | None = Field(default=None, description=SUPPRESSED)


@router.get("")
async def show_preferences(caller: Caller, context: Context) -> Preferences:
    """Returns the caller's preferences. The digest is off by default: each of its notifications was
    already mailed once.
    """
    return await _preferences(caller, context)


@router.put("")
async def set_preferences(wanted: PreferenceChange, caller: Caller, context: Context) -> Preferences:
    """Sets the caller's preferences. Each optional mail also contains a link that ends its
    category.
    """
    chosen = {Category(name): value for name, value in wanted.model_dump().items() if value is not None}
    command = ChooseMails(
        tenant_id=caller.tenant_id,
        user_id=caller.user_id,
        choices=chosen,
        secret=secrets.token_bytes(SECRET_BYTES),
    )
    await context.bus.handle(command)
    return await _preferences(caller, context)


async def _preferences(caller: Principal, context: Context) -> Preferences:
    async with context.bus.units.begin() as uow:
        chosen = await mail_preferences(uow.rows, caller.user_id)
        suppressed = await own_suppression(uow.rows, caller.user_id)
    choices = {category.value: wanted for category, wanted in chosen.choices.items()}
    return Preferences.model_validate({**choices, "suppressed": suppressed})
