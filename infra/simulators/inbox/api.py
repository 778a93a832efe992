"""The inbox's JSON API, and a mail's HTML in a sandbox."""

from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response

from infra.simulators.database import Database
from infra.simulators.inbox.queries import Search, get_mail, get_raw, list_mails
from infra.simulators.inbox.storage import delete_mails

# Placed before the mail's own markup: HTML ignores a second doctype and merges a second head.
LINKS_OPEN_A_TAB = '<!doctype html><base target="_blank">'

Thing = TypeVar("Thing")

# The mail's own document: its styles and inlined pictures work; scripts, forms and all outbound
# connections do not. The sandbox makes its origin opaque also when the address is opened directly.
# Links may open a new, ordinary tab.
FENCE = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)


def create_router(database: Database) -> APIRouter:
    router = APIRouter(prefix="/api/messages")

    @router.get("")
    async def messages(
        request: Request,
        to: str | None = None,
        subject: str | None = None,
        q: str | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 50,
        before: int | None = None,
    ) -> dict[str, Any]:
        """Newest first. `to`: an envelope recipient; `subject`: a part of it; `q`: a part of any
        field; `header.<name>`: the whole value.
        """
        search = Search(to=to, subject=subject, words=q, headers=_header_terms(request))
        return await database.transaction(lambda rows: list_mails(rows, search, limit, before))

    @router.delete("")
    async def clear() -> dict[str, int]:
        """Deletes every mail."""
        return {"deleted": await database.transaction(delete_mails)}

    @router.get("/{mail_id}")
    async def message(mail_id: int) -> dict[str, Any]:
        """One mail with its headers, text, html and a list of its attachments."""
        return _found(await database.transaction(lambda rows: get_mail(rows, mail_id)))

    @router.get("/{mail_id}/html")
    async def html(mail_id: int) -> Response:
        """The mail's HTML body as a page that can run no script and load nothing."""
        mail = _found(await database.transaction(lambda rows: get_mail(rows, mail_id)))
        headers = {"content-security-policy": FENCE, "referrer-policy": "no-referrer"}
        return Response(LINKS_OPEN_A_TAB + _found(mail["html"]), media_type="text/html; charset=utf-8", headers=headers)

    @router.get("/{mail_id}/raw")
    async def raw(mail_id: int) -> Response:
        """The mail's bytes as received, for download."""
        content = _found(await database.transaction(lambda rows: get_raw(rows, mail_id)))
        headers = {"content-disposition": f'attachment; filename="{mail_id}.eml"'}
        return Response(content, media_type="message/rfc822", headers=headers)

    return router


def _header_terms(request: Request) -> dict[str, str]:
    prefix = "header."
    return {name.removeprefix(prefix): value for name, value in request.query_params.items() if name.startswith(prefix)}


def _found(thing: Thing | None) -> Thing:
    if thing is None:
        raise HTTPException(404, "There is no such mail")
    return thing
