"""Where a link in a mail leads. Opening it proves nothing yet: mail scanners open links too."""

import base64
import hashlib
import re
from importlib import resources

from fastapi import APIRouter
from starlette.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

_VERIFY = (resources.files(__package__) / "verify.html").read_text()


def _only_itself(page: str) -> str:
    """A content security policy (CSP level 3): the page's own style and script run, and it talks to this service alone."""
    allowed = {
        tag: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for tag, text in re.findall(r"<(style|script)>(.*?)</\1>", page, flags=re.DOTALL)
    }
    return (
        f"default-src 'none'; style-src 'sha256-{allowed['style']}'; script-src 'sha256-{allowed['script']}'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


_HEADERS = {
    "content-security-policy": _only_itself(_VERIFY),
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


@router.get("/verify")
async def confirm_address() -> HTMLResponse:
    """Asks for the click that sends the link's token to `POST /verify`."""
    return HTMLResponse(_VERIFY, headers=_HEADERS)
