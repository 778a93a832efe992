"""Changes to a running stack: services that were declared later, and restarts."""

import importlib
from collections.abc import Sequence
from pathlib import Path

from infra import services
from infra.postgres.connections import ROOM_FOR_NEW_SERVICES, max_connections
from infra.stack.addresses import Addresses
from infra.stack.environment import write_command_environments
from infra.stack.keys import load_or_make_keys
from infra.stack.plan import Plan
from infra.stack.promotion import promote
from waypost.devstack.logs import rotate
from waypost.devstack.port_checks import refuse_taken_ports
from waypost.devstack.requests import Action, Request
from waypost.devstack.selection import limited, matching
from waypost.devstack.supervisor import Supervisor
from waypost.native.errors import SetUpFailed

RUN_AGAIN = ("databases", "topics", "start-page")
"""Components that depend on the list of services; they run again when a service is added."""


class Changes:
    """Handles the requests to one supervisor."""

    def __init__(self, addresses: Addresses, directory: Path, supervisor: Supervisor) -> None:
        self._addresses = addresses
        self._directory = directory
        self._supervisor = supervisor
        self._connections = max_connections(further=ROOM_FOR_NEW_SERVICES)
        """PostgreSQL's limit, which it reads only at its start."""

    async def __call__(self, request: Request) -> Sequence[str]:
        """Returns the names of the components that start now. Raises SetUpFailed."""
        match request.action:
            case Action.START:
                return await self._start(request.names)
            case Action.RESTART:
                return await self._restart(request.names)
            case Action.PROMOTE:
                return [await promote(self._supervisor, self._addresses, self._directory)]

    async def _restart(self, wanted: Sequence[str]) -> Sequence[str]:
        """A name of a component means only this one, although `postgres` begins the name of its
        standby.
        """
        known = self._supervisor.names
        names = [name for key in wanted for name in ([key] if key in known else matching(known, [key]))]
        await self._supervisor.restart(list(dict.fromkeys(names)))
        return names

    async def _start(self, only: Sequence[str]) -> Sequence[str]:
        importlib.reload(services)
        self._refuse_more_services_than_connections()
        plan = Plan(self._addresses, load_or_make_keys(self._directory / "keys"), self._directory)
        declared = plan.components()
        new = [
            component for component in limited(declared, tuple(only)) if component.name not in self._supervisor.names
        ]
        if not new:
            return ()
        await refuse_taken_ports(new)
        for component in new:
            rotate(component.log)
        write_command_environments(plan.environments, services.SERVICES, self._addresses.environment_directory)
        again = [
            component
            for component in declared
            if component.name in RUN_AGAIN and component.name in self._supervisor.names
        ]
        await self._supervisor.add([*again, *new])
        return [component.name for component in new]

    def _refuse_more_services_than_connections(self) -> None:
        if max_connections() > self._connections:
            reason = f"PostgreSQL was started with {self._connections} connections, and {max_connections()} are needed"
            raise SetUpFailed("Adding services", reason, "run `make down`, then `make up`")
