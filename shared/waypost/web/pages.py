"""Pages for people. What a page shows and whom it talks to is this service alone: it works without
a network and tells no third party.
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

QUESTION_STYLE = "question.css"
"""Of a page that asks one thing."""


def page_of(package: str, file: str, *, title: str = "", form: str = "") -> HTMLResponse:
    """A page of a package's, fenced in by a content security policy (CSP level 3).

    In it `{title}` is filled in, `{question.css}`, and `{form}` with a form as HTML, which goes
    back to where the page came from.
    """
    page = _read(package, file).decode().replace("{title}", escape(title)).replace("{form}", form)
    page = page.replace(f"{{{QUESTION_STYLE}}}", _read(__package__, QUESTION_STYLE).decode())
    return HTMLResponse(page, headers={"content-security-policy": _only_this_service(page, posts=bool(form))})


def assets_router(prefix: str, package: str, files: Iterable[str]) -> APIRouter:
    """Files of an installed distribution, for a page to load."""
    router = APIRouter(prefix=prefix, include_in_schema=False)
    for file in files:
        router.add_api_route(f"/{file}", _asset(package, file))
    return router


def _asset(package: str, file: str) -> Callable[[], Awaitable[Response]]:
    async def asset() -> Response:
        headers = {"cache-control": "public, max-age=86400"}
        return Response(_read(package, file), media_type=guess_type(file)[0], headers=headers)

    return asset


def _only_this_service(page: str, *, posts: bool) -> str:
    """The page's own inline style and script run, and files of this service."""
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
