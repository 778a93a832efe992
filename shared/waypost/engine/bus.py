"""Runs commands: each in one unit of work."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, TypeVar

from waypost.kernel.actor import Actor, TokenRevoked, current_actor
from waypost.kernel.command import Command
from waypost.kernel.errors import ConcurrencyConflict, Misconfigured
from waypost.ports.unit_of_work import Precondition, UnitOfWork, UnitsOfWork

R = TypeVar("R")

CommandHandler = Callable[[Any, UnitOfWork], Awaitable[Any]]
Commands = Mapping[type[Command[Any]], CommandHandler]

Authorize = Callable[[Actor], Precondition]
"""The precondition of an actor in the command's own transaction: its query returns a row for an
actor who no longer has the rights in the token.
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
    """Dispatches each command to its handler, inside one unit of work."""

    def __init__(self, units: UnitsOfWork, commands: Commands, *, authorize: Authorize | None = None) -> None:
        self.units = units
        self._commands = commands
        self._authorize = authorize

    async def handle(self, command: Command[R]) -> R:
        """Runs the command in its own transaction.

        After a ConcurrencyConflict the command is decided again on the new state, up to three
        attempts. Raises the handler's errors, and ConcurrencyConflict of the last attempt.
        """
        return await retry_on_conflict(lambda: self._attempt(command))

    async def execute(self, command: Command[R], uow: UnitOfWork) -> R:
        """Runs the command inside a unit of work that the caller opened and will end.

        First authorizes the actor, if there is one. Raises TokenRevoked, and the errors of
        `dispatch`.
        """
        await self.authorize(uow)
        return await self.dispatch(command, uow)

    async def dispatch(self, command: Command[R], uow: UnitOfWork) -> R:
        """Runs the command for an actor whom the caller has authorized in this unit of work. Raises
        Misconfigured for a command without a handler, and the handler's errors.
        """
        handler = self._commands.get(type(command))
        if handler is None:
            raise Misconfigured(
                f"command {type(command).__name__} has no handler: add it to COMMANDS in the service's handlers"
            )
        result: R = await handler(command, uow)
        return result

    def begin(self, *preconditions: Precondition) -> AbstractAsyncContextManager[UnitOfWork]:
        """A unit of work that begins with the precondition of the actor, then these. If
        `preconditions_passed` is False, the caller has to authorize.
        """
        return self.units.begin(preconditions=(*self._preconditions(), *preconditions))

    async def authorize(self, uow: UnitOfWork) -> None:
        """Authorizes the actor, if there is one. Raises TokenRevoked."""
        for precondition in self._preconditions():
            if await uow.query(precondition.query, *precondition.arguments):
                raise TokenRevoked

    async def authorize_reading(self) -> None:
        """Authorizes a request that reads more than the actor's own rows. Raises TokenRevoked."""
        if self._authorize is not None:
            async with self.begin() as uow:
                if not uow.preconditions_passed:
                    await self.authorize(uow)

    async def _attempt(self, command: Command[R]) -> R:
        async with self.begin() as uow:
            return await (self.dispatch if uow.preconditions_passed else self.execute)(command, uow)

    def _preconditions(self) -> Sequence[Precondition]:
        actor = current_actor()
        return () if actor is None or self._authorize is None else (self._authorize(actor),)
