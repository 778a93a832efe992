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
    """Shows a form that sends the link's token with a password to `POST /verify`, and a button that
    sends it to `POST /verify/decline`.
    """
    return page_of(__package__, "verify.html")


@router.get("/password/reset")
@public("a page without data; its form posts the token of the mail")
async def choose_password() -> Response:
    """Shows a form that sends the new password and the link's token to `POST /password/reset`."""
    return page_of(__package__, "reset.html")


@router.get("/invitations/accept")
@public("a page without data; its form posts the token of the mail")
async def accept_invitation() -> Response:
    """Shows a form that sends a name, a password and the link's token to `POST
    /invitations/accept`.
    """
    return page_of(__package__, "invitation.html")


@router.get("/email/confirm")
@public("a page without data; its form posts the token of the mail")
async def confirm_new_address() -> Response:
    """Shows a form that sends the link's token with the password to `POST /email/confirm`, and a
    button that sends it to `POST /email/decline`.
    """
    return page_of(__package__, "email_confirm.html")


@router.get("/email/cancel")
@public("a page without data; its form posts the token of the mail")
async def cancel_new_address() -> Response:
    """Shows a button that sends the link's token to `POST /email/cancel`."""
    return page_of(__package__, "email_cancel.html")
