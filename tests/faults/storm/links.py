"""A proxy in each link of the system, so that a storm can cut it without a trace: packets are
swallowed, no connection is reset.

A process receives the addresses of its own proxies. A broker has a listener for each process that
uses it, because a client follows the address that the broker advertises.
"""

import re
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from infra.stack.addresses import Addresses
from tests.faults.storm.targets import LINKS, servers_of
from tests.fixtures.proxy import Proxy
from waypost.devstack.parts import Component, PythonServer
from waypost.native.configuration.kafka import Listener
from waypost.native.ports import LOOPBACK, free_ports


class Links:
    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._proxies: dict[tuple[str, str], Proxy] = {}
        self._listeners: dict[str, dict[str, Listener]] = {broker: {} for broker in addresses.servers.broker_names}
        self._stack = AsyncExitStack()
        servers = (*addresses.servers.broker_names, *addresses.servers.database_names)
        for process, peers in LINKS.items():
            for server in (server for peer in peers for server in servers_of(peer, servers)):
                self._connect(process, server)

    async def __aenter__(self) -> Self:
        for proxy in self._proxies.values():
            await self._stack.enter_async_context(proxy)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def between(self, process: str, server: str) -> Proxy:
        return self._proxies[process, server]

    @property
    def listeners(self) -> Mapping[str, Mapping[str, Listener]]:
        """Further listeners of each broker, by its name."""
        return self._listeners

    def lead_through_proxies(self, components: Iterable[Component]) -> None:
        """Changes the addresses that each process receives at its next start."""
        for component in components:
            if isinstance(component.part, PythonServer):
                changed = self._environment(component.name, component.part.environment)
                component.part.environment.update(changed)

    def _connect(self, process: str, server: str) -> None:
        if server not in self._listeners:
            (port,), to_port = free_ports(1), self._addresses.port(server)
        else:
            port, to_port = free_ports(2)
            self._listeners[server][process.upper().replace("-", "_")] = Listener(
                bound=f"{LOOPBACK}:{to_port}", advertised=f"{LOOPBACK}:{port}"
            )
        self._proxies[process, server] = Proxy(port, to_port=to_port)

    def _environment(self, process: str, before: Mapping[str, str]) -> dict[str, str]:
        changed = dict(before)
        for (owner, server), proxy in self._proxies.items():
            if owner != process:
                continue
            place, port = self._addresses.place(server), str(self._addresses.port(server))
            for name, value in changed.items():
                through = re.sub(rf"{re.escape(place)}(?!\d)", proxy.address, value)
                changed[name] = proxy.address.rpartition(":")[2] if value == port else through
        return changed
