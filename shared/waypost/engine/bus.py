"""Commands to their handlers, each in one unit of work."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from waypost.kernel.actor import Actor, current_actor
from waypost.kernel.command import Command
from waypost.kernel.errors import ConcurrencyConflict, Misconfigured
from waypost.ports.unit_of_work import UnitOfWork, UnitsOfWork

R = TypeVar("R")

CommandHandler = Callable[[Any, UnitOfWork], Awaitable[Any]]
Commands = Mapping[type[Command[Any]], CommandHandler]

Authorize = Callable[[Actor, UnitOfWork], Awaitable[None]]
"""Looks the actor up, in the command's own transaction. Raises TokenRevoked where they may not do
any more what their token says.
"""

ATTEMPTS = 3


async def retry_on_conflict(
    attempt: Callable[[], Awaitable[R]], *, on: tuple[type[Exception], ...] = (ConcurrencyConflict,)
) -> R:
    """Awaits `attempt()`, and repeats it after an error of the types `on`, three attempts in total.
    Each attempt must run in its own transaction. Raises the error of the last attempt.
    """
    for _ in range(ATTEMPTS - 1):
        with suppress(*on):
            return await attempt()
    return await attempt()


class Bus:
    def __init__(self, units: UnitsOfWork, commands: Commands, *, authorize: Authorize | None = None) -> None:
        self.units = units
        self._commands = commands
        self._authorize = authorize

    async def handle(self, command: Command[R]) -> R:
        """Runs the command in a transaction of its own. Another writer who was first is no error
        yet: the command decides again on what is there now, three times at most. Raises what the
        handler raises.
        """
        return await retry_on_conflict(lambda: self._attempt(command))

    async def execute(self, command: Command[R], uow: UnitOfWork) -> R:
        """Runs the command inside a unit of work that the caller opened and will end.

        A person who asks for it is looked up there first.
        """
        await self._require_standing(uow)
        handler = self._commands.get(type(command))
        if handler is None:
            raise Misconfigured(
                f"command {type(command).__name__} has no handler: add it to COMMANDS in the service's handlers"
            )
        result: R = await handler(command, uow)
        return result

    async def authorize_reading(self) -> None:
        """For answers that show more than the actor's own. Raises TokenRevoked."""
        if self._authorize is not None:
            async with self.units.begin() as uow:
                await self._require_standing(uow)

    async def _require_standing(self, uow: UnitOfWork) -> None:
        actor = current_actor()
        if actor is not None and self._authorize is not None:
            await self._authorize(actor, uow)

    async def _attempt(self, command: Command[R]) -> R:
        async with self.units.begin() as uow:
            return await self.execute(command, uow)
