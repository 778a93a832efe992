"""The pages behind links in mails. Opening a page changes nothing, because mail scanners open links
too.
"""

from fastapi import APIRouter
from starlette.responses import Response

from waypost.web.limited import PAGES, limited
from waypost.web.pages import page_of
from waypost.web.policies import public

router = APIRouter(include_in_schema=False, dependencies=[limited(PAGES)])


@router.get("/verify")
@public("a page without data; its form posts the token of the mail")
async def confirm_address() -> Response:
    """Shows a button that sends the link's token to `POST /verify`."""
    return _page("verify.html")


@router.get("/password/reset")
@public("a page without data; its form posts the token of the mail")
async def choose_password() -> Response:
    """Shows a form that sends the new password and the link's token to `POST /password/reset`."""
    return _page("reset.html")


@router.get("/invitations/accept")
@public("a page without data; its form posts the token of the mail")
async def accept_invitation() -> Response:
    """Shows a form that sends a name, a password and the link's token to `POST
    /invitations/accept`.
    """
    return _page("invitation.html")


@router.get("/email/confirm")
@public("a page without data; its form posts the token of the mail")
async def confirm_new_address() -> Response:
    """Shows a button that sends the link's token to `POST /email/confirm`."""
    return _page("email_confirm.html")


@router.get("/email/cancel")
@public("a page without data; its form posts the token of the mail")
async def cancel_new_address() -> Response:
    """Shows a button that sends the link's token to `POST /email/cancel`."""
    return _page("email_cancel.html")


def _page(file: str) -> Response:
    page = page_of(__package__, file)
    page.headers.update({"referrer-policy": "no-referrer", "cache-control": "no-store"})
    return page
