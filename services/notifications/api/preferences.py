"""Which mails somebody wants, beside those that they need."""

import secrets

from fastapi import APIRouter
from pydantic import Field

from services.notifications.commands import ChooseDigest
from services.notifications.domain import SECRET_BYTES
from services.notifications.queries.digest import unsubscribe_secret
from waypost.web.auth import Caller
from waypost.web.edge import Context
from waypost.web.models import RequestModel, ResponseModel

router = APIRouter(prefix="/preferences", tags=["preferences"])

DIGEST = "A mail at 09:00 UTC that lists the invoices with unread notifications; none on a day without."


class Preferences(RequestModel, ResponseModel):
    digest: bool = Field(description=DIGEST)


@router.get("")
async def show_preferences(caller: Caller, context: Context) -> Preferences:
    """The caller's own. The digest is off until they ask for it: each of its letters has been
    mailed once already.
    """
    async with context.bus.units.begin() as uow:
        return Preferences(digest=await unsubscribe_secret(uow.rows, caller.user_id) is not None)


@router.put("")
async def set_preferences(wanted: Preferences, caller: Caller, context: Context) -> Preferences:
    """The caller's own. A digest that was asked for can be ended here, or by the link in each."""
    command = ChooseDigest(
        tenant_id=caller.tenant_id,
        user_id=caller.user_id,
        digest=wanted.digest,
        secret=secrets.token_bytes(SECRET_BYTES),
    )
    await context.bus.handle(command)
    return wanted
