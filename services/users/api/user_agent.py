"""The client's description of itself, as the list of sessions shows it."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from waypost.kernel.text import one_line

SHOWN_CHARACTERS = 100


async def _user_agent(request: Request) -> str:
    return one_line(request.headers.get("user-agent", ""))[:SHOWN_CHARACTERS]


UserAgent = Annotated[str, Depends(_user_agent)]
"""The header User-Agent (RFC 9110, section 10.1.5) as one short line; empty without one."""
