"""One-click unsubscribe (RFC 8058). The link in the mail is sufficient; no sign-in is needed."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from services.notifications.commands import Unsubscribe
from services.notifications.domain import Category, UnsubscribeToken
from waypost.kernel.errors import NotFound
from waypost.kernel.tenant import bound_tenants
from waypost.web.limited import limited
from waypost.web.pages import page_of
from waypost.web.policies import public
from waypost.web.rate_limits import Rate, RateKey, RouteClass
from waypost.web.request import Context

UNSUBSCRIBE = RouteClass(
    name="unsubscribe",
    reason="protects links of mails from being guessed",
    rates={RateKey.NETWORK: Rate(requests=600, seconds=60)},
)
"""A mail provider sends the requests of all its users from a few networks."""

router = APIRouter(prefix="/unsubscribe", tags=["preferences"], dependencies=[limited(UNSUBSCRIBE)])

_FORM = '<form method="post"><button name="List-Unsubscribe" value="One-Click">Unsubscribe</button></form>'


_HEADINGS = {
    Category.DIGEST: "Unsubscribe from the daily digest?",
    Category.RECEIPTS: "Unsubscribe from receipts?",
    Category.SUBSCRIPTIONS: "Unsubscribe from mails about your subscriptions?",
}


@router.get("/{token}", include_in_schema=False)
@public("a page without data, behind the link of a mail")
async def ask() -> HTMLResponse:
    """Shows the confirmation page of the link. Changes nothing, because mail scanners follow links
    too.
    """
    return _page(_HEADINGS[Category.DIGEST], _FORM)


@router.get("/{token}/{category}", include_in_schema=False)
@public("a page without data, behind the link of a mail")
async def ask_for_category(category: Category) -> HTMLResponse:
    """Shows the confirmation page of the link of a category."""
    return _page(_HEADINGS[_optional(category)], _FORM)


@router.post("/{token}", response_class=HTMLResponse)
@public("the token of the mail authenticates the recipient (RFC 8058)")
async def unsubscribe(token: str, context: Context) -> HTMLResponse:
    """Ends the digests of the mail's recipient; other notifications continue. A repeated call
    changes nothing.

    Mail clients send it automatically, with the body `List-Unsubscribe=One-Click`, which is not
    checked.
    """
    return await _end(token, Category.DIGEST, context)


@router.post("/{token}/{category}", response_class=HTMLResponse)
@public("the token of the mail authenticates the recipient (RFC 8058)")
async def unsubscribe_from_category(token: str, category: Category, context: Context) -> HTMLResponse:
    """Ends the recipient's mails of one optional category: receipts, subscriptions or digest. A
    repeated call changes nothing.
    """
    return await _end(token, _optional(category), context)


async def _end(token: str, category: Category, context: Context) -> HTMLResponse:
    parsed = UnsubscribeToken.parse(token)
    if parsed is None:
        raise NotFound("this unsubscribe link is invalid")
    with bound_tenants([parsed.tenant_id]):
        await context.bus.handle(Unsubscribe(token=parsed, category=category))
    return _page("You are unsubscribed")


def _optional(category: Category) -> Category:
    if not category.is_optional:
        raise NotFound("mails of this category cannot be switched off")
    return category


def _page(heading: str, form: str = "") -> HTMLResponse:
    return page_of(__package__, "unsubscribe.html", title=heading, form=form)
