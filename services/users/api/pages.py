"""Where a link in a mail leads. Opening it proves nothing yet: mail scanners open links too."""

from fastapi import APIRouter
from starlette.responses import Response

from shared.web.pages import page_of

router = APIRouter(include_in_schema=False)


@router.get("/verify")
async def confirm_address() -> Response:
    """Asks for the click that sends the link's token to `POST /verify`."""
    page = page_of(__package__, "verify.html")
    page.headers.update({"referrer-policy": "no-referrer", "cache-control": "no-store"})
    return page
