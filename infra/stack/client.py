"""The client of this checkout's stack, with its folder and the command of its supervisor."""

import sys
from collections.abc import Sequence

from rich.console import Console

from infra.stack.addresses import Addresses
from infra.stack.places import CHECKOUT, inherited, stack_directory
from waypost.devstack.client import StackClient
from waypost.devstack.requests import Action


class Client(StackClient):
    def __init__(self, addresses: Addresses, console: Console) -> None:
        self.addresses = addresses
        super().__init__(
            stack_directory(addresses.port_base),
            console,
            supervise=(sys.executable, "-m", "infra.stack", "supervise"),
            environment={**inherited(), "WAYPOST_PORT_BASE": str(addresses.port_base)},
            working_directory=CHECKOUT,
        )

    async def promote(self) -> Sequence[str]:
        """Makes the standby of PostgreSQL the primary, and waits until the old primary follows it.
        Returns the name of the old primary. Raises StartFailed.
        """
        return await self._request(Action.PROMOTE, ())
