"""Prints the steps of a scenario and counts the observed ones."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from rich.console import Console

T = TypeVar("T")

LOOK_AGAIN_SECONDS = 0.1


class NotObserved(Exception):
    """A step was not observed in time."""


class StepPrinter:
    def __init__(self, console: Console) -> None:
        self.console = console
        self.observed = 0
        self._began = time.monotonic()

    def chapter(self, title: str) -> None:
        self.console.print(f"\n[bold]{title}[/bold]")

    def saw(self, what: str, detail: str = "") -> None:
        """Prints an observed step with the fact that proves it."""
        self.observed += 1
        elapsed = time.monotonic() - self._began
        self.console.print(f"  [green]✓[/green] [dim]{elapsed:5.1f}s[/dim] {what}", highlight=False)
        for line in detail.splitlines():
            self.console.print(f"           {line}", style="dim", highlight=False, markup=False, soft_wrap=True)

    async def wait_for(
        self, what: str, look: Callable[[], Awaitable[T | None]], *, deadline_seconds: float = 30.0
    ) -> T:
        """Polls until the probe returns a result. Raises NotObserved at the deadline."""
        end = time.monotonic() + deadline_seconds
        while True:
            seen = await look()
            if seen:
                return seen
            if time.monotonic() > end:
                raise NotObserved(f"{what}: not seen within {deadline_seconds:g} s")
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
