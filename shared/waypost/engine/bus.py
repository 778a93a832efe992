"""Commands to their handlers, each in one unit of work."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from waypost.kernel.command import Command
from waypost.kernel.errors import ConcurrencyConflict, Misconfigured
from waypost.ports.unit_of_work import UnitOfWork, UnitsOfWork

R = TypeVar("R")

CommandHandler = Callable[[Any, UnitOfWork], Awaitable[Any]]
Commands = Mapping[type[Command[Any]], CommandHandler]

ATTEMPTS = 3


class Bus:
    def __init__(self, units: UnitsOfWork, commands: Commands) -> None:
        self.units = units
        self._commands = commands

    async def handle(self, command: Command[R]) -> R:
        """Runs the command in a transaction of its own. Another writer who was first is no error yet: the command decides again on what is
        there now, three times at most. Raises what the handler raises."""
        for _ in range(ATTEMPTS - 1):
            try:
                return await self._once(command)
            except ConcurrencyConflict:
                continue
        return await self._once(command)

    async def execute(self, command: Command[R], uow: UnitOfWork) -> R:
        """Runs the command inside a unit of work that the caller opened and will end."""
        handler = self._commands.get(type(command))
        if handler is None:
            raise Misconfigured(
                f"command {type(command).__name__} has no handler: add it to COMMANDS in the service's handlers"
            )
        result: R = await handler(command, uow)
        return result

    async def _once(self, command: Command[R]) -> R:
        async with self.units.begin() as uow:
            return await self.execute(command, uow)
