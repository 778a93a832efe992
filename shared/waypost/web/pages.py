"""HTML pages. A page loads only files of its own service, so it works without internet access and
contacts no third party.
"""

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable, Iterable
from functools import cache
from html import escape
from importlib import resources
from mimetypes import guess_type

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from waypost.web.policies import public

QUESTION_STYLE = "question.css"
"""Style of a page with one form."""
QUESTION_SCRIPT = "question.js"
"""Script of a page behind a mailed link, whose form posts the link's token."""


def page_of(package: str, file: str, *, title: str = "", form: str = "") -> HTMLResponse:
    """A page from a package, with a content security policy (CSP level 3).

    Replaces `{title}`, `{question.css}`, `{question.js}`, and `{form}` with a form in HTML, which
    posts to the page's own URL.
    """
    page = _read(package, file).decode().replace("{title}", escape(title)).replace("{form}", form)
    for shared in (QUESTION_STYLE, QUESTION_SCRIPT):
        page = page.replace(f"{{{shared}}}", _read(__package__, shared).decode())
    return HTMLResponse(page, headers={"content-security-policy": _only_this_service(page, posts=bool(form))})


def assets_router(prefix: str, package: str, files: Iterable[str]) -> APIRouter:
    """Routes of files from an installed distribution that a page loads."""
    router = APIRouter(prefix=prefix, include_in_schema=False)
    for file in files:
        router.add_api_route(f"/{file}", _asset(package, file))
    return router


def _asset(package: str, file: str) -> Callable[[], Awaitable[Response]]:
    @public("a file that every page loads")
    async def asset() -> Response:
        headers = {"cache-control": "public, max-age=86400"}
        return Response(_read(package, file), media_type=guess_type(file)[0], headers=headers)

    return asset


def _only_this_service(page: str, *, posts: bool) -> str:
    """The policy allows the page's own inline style and script, and files of this service."""
    allowed = {tag: ["'self'"] for tag in ("style", "script")}
    for tag, text in re.findall(r"<(style|script)>(.*?)</\1>", page, flags=re.DOTALL):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        allowed[tag].insert(0, f"'sha256-{digest}'")
    target = "'self'" if posts else "'none'"
    return (
        f"default-src 'none'; style-src {' '.join(allowed['style'])}; script-src {' '.join(allowed['script'])}; "
        f"img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action {target}; "
        "frame-ancestors 'none'"
    )


@cache
def _read(package: str, file: str) -> bytes:
    return (resources.files(package) / file).read_bytes()
