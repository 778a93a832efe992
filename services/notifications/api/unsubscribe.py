"""One-click unsubscribing (RFC 8058). Nobody signs in for it: the link in the mail is enough."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from services.notifications.commands import EndDigests
from services.notifications.domain import UnsubscribeToken
from waypost.kernel.errors import NotFound
from waypost.kernel.tenant import bound_tenants
from waypost.web.edge import Context
from waypost.web.pages import page_of

router = APIRouter(prefix="/unsubscribe", tags=["preferences"])

_FORM = '<form method="post"><button name="List-Unsubscribe" value="One-Click">End it</button></form>'


@router.get("/{token}", include_in_schema=False)
async def ask() -> HTMLResponse:
    """For a person who followed the link. Changes nothing: mail scanners follow links too."""
    return _page("End the daily digest?", _FORM)


@router.post("/{token}", response_class=HTMLResponse)
async def unsubscribe(token: str, context: Context) -> HTMLResponse:
    """Ends the digests of whoever the mail was for; other letters go on. Asking twice is fine.

    Mail clients send it by themselves, with the body `List-Unsubscribe=One-Click`, which is not
    looked at.
    """
    parsed = UnsubscribeToken.parse(token)
    if parsed is None:
        raise NotFound("this link is of no mail of ours")
    with bound_tenants([parsed.tenant_id]):
        await context.bus.handle(EndDigests(token=parsed))
    return _page("No more digests")


def _page(heading: str, form: str = "") -> HTMLResponse:
    page = page_of(__package__, "unsubscribe.html", title=heading, form=form)
    page.headers.update({"referrer-policy": "no-referrer", "cache-control": "no-store"})
    return page
