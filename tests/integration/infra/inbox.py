"""The inbox for tests: mail in by SMTP, queries by HTTP."""

from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

import aiosmtplib
import httpx

from waypost.native.ports import LOOPBACK


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    http: httpx.AsyncClient
    smtp_port: int

    async def receive(self, mail: EmailMessage) -> str:
        """Returns the server's reply."""
        _, reply = await aiosmtplib.send(mail, hostname=LOOPBACK, port=self.smtp_port)
        return reply

    async def find(self, **search: str | int) -> dict[str, Any]:
        terms = {name.replace("__", ".").replace("_", "-"): value for name, value in search.items()}
        found: dict[str, Any] = (await self.http.get("/api/messages", params=terms)).json()
        return found


def mail(to: str = "ada@acme.test", subject: str = "Welcome", **headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Waypost <no-reply@waypost.test>"
    message["To"] = to
    message["Subject"] = subject
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content("Hello Ada,\n\nwelcome.\n")
    message.add_alternative("<p>Hello <b>Ada</b></p>", subtype="html")
    return message
