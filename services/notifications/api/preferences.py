"""Optional mails: the daily digest."""

import secrets

from fastapi import APIRouter
from pydantic import Field

from services.notifications.commands import ChooseDigest
from services.notifications.domain import SECRET_BYTES
from services.notifications.queries.digest import unsubscribe_secret
from waypost.web.auth import Caller
from waypost.web.models import RequestModel, ResponseModel
from waypost.web.request import Context

router = APIRouter(prefix="/preferences", tags=["preferences"])

DIGEST = "A daily mail at 09:00 UTC that lists invoices with unread notifications; not sent on a day without them."


class Preferences(RequestModel, ResponseModel):
    digest: bool = Field(description=DIGEST)


@router.get("")
async def show_preferences(caller: Caller, context: Context) -> Preferences:
    """Returns the caller's preferences. The digest is off by default: each of its notifications was
    already mailed once.
    """
    async with context.bus.units.begin() as uow:
        return Preferences(digest=await unsubscribe_secret(uow.rows, caller.user_id) is not None)


@router.put("")
async def set_preferences(wanted: Preferences, caller: Caller, context: Context) -> Preferences:
    """Sets the caller's preferences. Each digest also contains a link that ends the digests."""
    command = ChooseDigest(
        tenant_id=caller.tenant_id,
        user_id=caller.user_id,
        digest=wanted.digest,
        secret=secrets.token_bytes(SECRET_BYTES),
    )
    await context.bus.handle(command)
    return wanted
