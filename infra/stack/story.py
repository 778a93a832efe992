"""`make demo`: the stack, and the story told on it over HTTP."""

from rich.console import Console

from infra.demo.story import tell
from infra.stack.client import Client


async def run_demo(client: Client, console: Console, *, keep: bool) -> bool:
    """Uses the running stack, or starts one and ends it afterwards unless it is to be kept for looking around."""
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
