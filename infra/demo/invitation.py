"""The owner closes the company to sign-ups and invites a colleague, who accepts the mailed link."""

import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from infra.demo.observers import Observers
from infra.demo.step_printer import NotObserved, StepPrinter

Send = Callable[[str, str, dict[str, Any]], Awaitable[httpx.Response]]
"""Sends a method, a path of the users service and a body as the owner. Raises NotObserved for an
error.
"""


async def invite_a_colleague(send: Send, observers: Observers, printer: StepPrinter, owner: str, password: str) -> None:
    """`owner`, `password`: the address of the owner, which this proves first, and the password."""
    printer.chapter("A colleague is invited")
    token = await _mailed_token(observers, printer, owner, "Confirm your e-mail")
    await send("POST", "/verify", {"token": token, "password": password})
    closed = await send("PUT", "/join-policy", {"mode": "closed"})
    printer.saw(f"PUT /join-policy → {closed.status_code}, closed to sign-ups")

    email = f"charles.{secrets.token_hex(3)}@example.com"
    invited = await send("POST", "/invitations", {"email": email, "role": "admin"})
    printer.saw(f"POST /invitations → {invited.status_code}", f"invitation {invited.json()['id']}")
    token = await _mailed_token(observers, printer, email, "You are invited")
    printer.saw("mail “You are invited to Analytical Engines Ltd” in the inbox")
    body = {"token": token, "password": secrets.token_urlsafe(18), "display_name": "Charles Babbage"}
    joined = (await send("POST", "/invitations/accept", body)).json()
    if (joined["status"], joined["role"], joined["email"]) != ("active", "admin", email):
        raise NotObserved(f"an active admin {email}; the answer was {joined}")
    printer.saw("POST /invitations/accept with the token of the mail → an admin whose address is verified")


async def _mailed_token(observers: Observers, printer: StepPrinter, to: str, subject: str) -> str:
    mails = await printer.wait_for(
        f"a mail “{subject}” to {to}", lambda: observers.mails(to, subject), deadline_seconds=30
    )
    link = re.search(r"token=([\w.~-]+)", mails[0]["text"])
    if link is None:
        raise NotObserved(f"the mail “{subject}” holds no link")
    return link[1]
