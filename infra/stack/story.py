"""`make demo`: the stack, and the story told on it over HTTP."""

from collections.abc import Awaitable, Callable
from importlib import import_module

from rich.console import Console

from infra.stack.addresses import Addresses
from infra.stack.client import Client

Tell = Callable[[Addresses], Awaitable[bool]]
"""`infra.demo.tell`: drives the services, shows each step, and is true when every step was observed."""


async def run_demo(client: Client, console: Console, *, keep: bool) -> bool:
    """Uses the running stack, or starts one and ends it afterwards unless it is to be kept for looking around."""
    tell: Tell = import_module("infra.demo").tell  # it needs the services' packages, which no other command does
    started = not client.runs()
    if started:
        await client.start()
    else:
        await client.watch_until_up()
    try:
        return await tell(client.addresses)
    finally:
        if started and not keep:
            await client.stop()
        else:
            console.print("The stack is up: `make status` shows it, `make down` ends it.")
