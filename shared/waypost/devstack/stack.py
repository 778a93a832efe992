"""The stack of the project: its folder, its client, and its supervisor."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from waypost.devstack.client import StackClient
from waypost.devstack.environment import write_command_environments
from waypost.devstack.files import board_file, requests_folder
from waypost.devstack.logs import rotate
from waypost.devstack.plan import StackPlan
from waypost.devstack.port_checks import refuse_taken_ports
from waypost.devstack.ports import Ports
from waypost.devstack.requests import Action, Request
from waypost.devstack.selection import limited, matching
from waypost.devstack.status_board import StatusBoard
from waypost.devstack.supervision import answering, only_supervisor
from waypost.devstack.supervisor import Supervisor
from waypost.native.errors import SetUpFailed
from waypost.native.folders import NAME
from waypost.native.forked import preload
from waypost.project import project


def stack_directory() -> Path:
    return project().root / NAME / "stack"


def client_of_the_project(console: Console) -> StackClient:
    return StackClient(
        stack_directory(),
        console,
        supervise=(sys.executable, "-m", "waypost.cli", "dev", "supervise"),
        environment=os.environ,
        working_directory=project().root,
    )


async def supervise(only: Sequence[str] = ()) -> None:
    """Runs the project's stack until SIGTERM or SIGINT. Raises SetUpFailed."""
    directory, ports = stack_directory(), Ports.of_the_project()
    preload("waypost.devstack.preloaded")
    async with only_supervisor(directory, remedy="`waypost dev down` stops it"):
        plan = StackPlan(ports, directory)
        components = limited(plan.components(), only)
        await refuse_taken_ports(components)
        for component in components:
            rotate(component.log)
        write_command_environments(plan.environments, ports.services, directory / "environment")
        board = StatusBoard(board_file(directory), ports.base, [component.line() for component in components])
        supervisor = Supervisor(components, board)

        async def handle(request: Request) -> Sequence[str]:
            if request.action is not Action.RESTART:
                raise SetUpFailed("Changing the stack", "only restarts are possible", "stop the stack and start it")
            names = matching(supervisor.names, request.names)
            await supervisor.restart(names)
            return names

        async with answering(requests_folder(directory), handle) as asked_to_stop:
            await supervisor.run(asked_to_stop)
