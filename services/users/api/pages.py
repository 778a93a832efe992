"""The pages behind links in mails. Opening a page changes nothing, because mail scanners open links
too.
"""

from fastapi import APIRouter
from starlette.responses import Response

from waypost.web.limited import PAGES, limited
from waypost.web.pages import page_of

router = APIRouter(include_in_schema=False, dependencies=[limited(PAGES)])


@router.get("/verify")
async def confirm_address() -> Response:
    """Shows a button that sends the link's token to `POST /verify`."""
    return _page("verify.html")


@router.get("/password/reset")
async def choose_password() -> Response:
    """Shows a form that sends the new password and the link's token to `POST /password/reset`."""
    return _page("reset.html")


def _page(file: str) -> Response:
    page = page_of(__package__, file)
    page.headers.update({"referrer-policy": "no-referrer", "cache-control": "no-store"})
    return page
