"""Ada changes her name in the users service, and reads it in billing without asking repeatedly."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx

from infra.demo.step_printer import NotObserved, StepPrinter

NAME = "Ada King"

Send = Callable[[str, str, dict[str, Any]], Awaitable[httpx.Response]]
"""Sends a method, a URL and a body as Ada. Raises NotObserved for an error."""
Read = Callable[[str, Mapping[str, str]], Awaitable[httpx.Response]]
"""Gets a URL with header fields as Ada."""


async def read_own_write(send: Send, read: Read, printer: StepPrinter, user: str, customer: str) -> None:
    """`user`, `customer`: the URLs of Ada in both services."""
    changed = await send("PATCH", user, {"display_name": NAME})
    token = changed.headers.get("write-token")
    if token is None:
        raise NotObserved(f"PATCH {user} answered without a Write-Token")
    fields = {"Write-Token": token, "Prefer": "wait=10"}

    async def seen() -> httpx.Response | None:
        answer = await read(customer, fields)
        return answer if answer.headers.get("write-token-status") == "handled" else None

    answer = await printer.wait_for("billing's customer", seen)
    if answer.is_error or answer.json().get("display_name") != NAME:
        raise NotObserved(f"a customer named {NAME}; GET {customer} answered {answer.status_code}: {answer.text}")
    printer.saw(
        "billing opened a customer from user.created, and shows her new name",
        f"PATCH /users/… → Write-Token: {token}\n"
        f"GET /customers/… with it and Prefer: wait=10 → {answer.status_code}, Write-Token-Status: handled",
    )
