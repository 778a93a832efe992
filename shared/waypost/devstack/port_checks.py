"""Refuses occupied ports before any component starts."""

import asyncio
from collections.abc import Iterable

from waypost.devstack.parts import Component
from waypost.native.errors import SetUpFailed
from waypost.native.ports import is_free, port_owner
from waypost.project import variable

PORT_PATIENCE_SECONDS = 2.0
POLL_SECONDS = 0.1


async def refuse_taken_ports(components: Iterable[Component]) -> None:
    """Raises SetUpFailed for a port that is still occupied after two seconds; processes of a killed
    supervisor may need that time to end.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PORT_PATIENCE_SECONDS
    for component in components:
        for port in component.ports:
            while not is_free(port):
                if loop.time() > deadline:
                    reason = f"port {port} (for {component.name}) is taken by {port_owner(port)}"
                    remedy = f"end that process, or choose other ports: {variable('PORT_BASE')}=9000"
                    raise SetUpFailed("Starting the stack", reason, remedy)
                await asyncio.sleep(POLL_SECONDS)
