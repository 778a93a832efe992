"""One-click unsubscribing (RFC 8058). Nobody signs in for it: the link in the mail is enough."""

import base64
import hashlib
from importlib import resources
from string import Template

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from services.notifications.commands import EndDigests
from services.notifications.domain import UnsubscribeToken
from shared.kernel.errors import NotFound
from shared.kernel.tenant import bound_tenants
from shared.web.edge import Here

router = APIRouter(prefix="/unsubscribe", tags=["preferences"])

_PAGE = (resources.files(__package__) / "unsubscribe.html").read_text()
_STYLE = base64.b64encode(hashlib.sha256(_PAGE.partition("<style>")[2].partition("</style>")[0].encode()).digest())
_HEADERS = {
    # Its own style, and a form that goes back where it came from (CSP level 3).
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_STYLE.decode()}'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
_FORM = '<form method="post"><button name="List-Unsubscribe" value="One-Click">End it</button></form>'


@router.get("/{token}", include_in_schema=False)
async def ask() -> HTMLResponse:
    """For a person who followed the link. Changes nothing: mail scanners follow links too."""
    return _page("End the daily digest?", _FORM)


@router.post("/{token}", response_class=HTMLResponse)
async def unsubscribe(token: str, here: Here) -> HTMLResponse:
    """Ends the digests of whoever the mail was for; other letters go on. Asking twice is fine.

    Mail clients send it by themselves, with the body `List-Unsubscribe=One-Click`, which is not looked at.
    """
    parsed = UnsubscribeToken.parse(token)
    if parsed is None:
        raise NotFound("this link is of no mail of ours")
    with bound_tenants([parsed.tenant_id]):
        await here.bus.handle(EndDigests(token=parsed))
    return _page("No more digests")


def _page(heading: str, form: str = "") -> HTMLResponse:
    return HTMLResponse(Template(_PAGE).substitute(heading=heading, form=form), headers=_HEADERS)
