"""The supervisor's process: runs the plan until a signal stops it."""

from pathlib import Path

from infra.services import SERVICES
from infra.stack.addresses import Addresses
from infra.stack.changes import Changes
from infra.stack.environment import write_command_environments
from infra.stack.keys import load_or_make_keys
from infra.stack.plan import Plan
from infra.stack.port_checks import refuse_ephemeral_ports
from waypost.devstack.files import board_file, requests_folder
from waypost.devstack.logs import rotate
from waypost.devstack.port_checks import refuse_taken_ports
from waypost.devstack.selection import limited
from waypost.devstack.status_board import StatusBoard
from waypost.devstack.supervision import answering, only_supervisor
from waypost.devstack.supervisor import Supervisor
from waypost.native.forked import preload


async def supervise(addresses: Addresses, directory: Path, *, only: tuple[str, ...] = ()) -> None:
    """Runs the stack until a signal; every component has stopped when it returns. `only` limits it
    to components of these names and their dependencies.
    """
    refuse_ephemeral_ports(addresses)
    preload("infra.stack.preloaded")
    async with only_supervisor(directory, remedy="`make down` stops it"):
        await run_plan(addresses, directory, only)


async def run_plan(addresses: Addresses, directory: Path, only: tuple[str, ...]) -> None:
    plan = Plan(addresses, load_or_make_keys(directory / "keys"), directory)
    components = limited(plan.components(), only)
    await refuse_taken_ports(components)
    for component in components:
        rotate(component.log)
    write_command_environments(plan.environments, SERVICES, addresses.environment_directory)
    board = StatusBoard(board_file(directory), addresses.port_base, [component.line() for component in components])
    supervisor = Supervisor(components, board)
    async with answering(requests_folder(directory), Changes(addresses, directory, supervisor)) as asked_to_stop:
        await supervisor.run(asked_to_stop)
