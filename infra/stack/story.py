"""`make demo`: starts the stack and runs the story on it over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from rich.console import Console

from infra.demo.story import tell
from infra.stack.addresses import Addresses


class Stack(Protocol):
    """A stack, native or in containers."""

    @property
    def addresses(self) -> Addresses: ...

    def runs(self) -> bool: ...

    async def start(self) -> None:
        """Returns once everything is up. Raises StartFailed."""

    async def watch_until_up(self) -> None:
        """Waits for a stack that is already running. Raises StartFailed."""

    async def stop(self) -> bool: ...


async def run_demo(client: Stack, console: Console, *, stay: bool) -> bool:
    """Runs the story on the running stack, or starts one for it. With `stay`, a stack that was
    started here stays up until Ctrl-C.
    """
    async with _stack(client, console) as is_our_own:
        happened = await tell(client.addresses, console)
        if not is_our_own or stay:
            console.print(f"\nEvery page of the stack: {client.addresses.url('start-page')}/")
        if is_our_own and stay:
            console.print("The stack stays up until Ctrl-C.")
            await _until_interrupted()
        if is_our_own and not stay:
            console.print(
                "\nThe stack stops now, and the addresses above stop answering; `make up` starts one that keeps running."
            )
    return happened


@asynccontextmanager
async def _stack(client: Stack, console: Console) -> AsyncIterator[bool]:
    """Yields True if it started the stack, and then always stops it at the end of the block."""
    if client.runs():
        await client.watch_until_up()
        yield False
        console.print("The stack was up before and stays up.")
        return
    await client.start()
    try:
        yield True
    finally:
        console.print("Stopping …")
        await client.stop()


async def _until_interrupted() -> None:
    """Waits until Ctrl-C, which ends the wait without an error."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        if (task := asyncio.current_task()) is not None:
            task.uncancel()
