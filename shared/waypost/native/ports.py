"""Ports of this machine: free ports, the process that listens on a port, and the kernel's range for
outgoing connections.
"""

import os
import random
import socket
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from waypost.native.errors import SetUpFailed

LOOPBACK = "127.0.0.1"
MAX_PORT = 65_535
EPHEMERAL_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")
IANA_EPHEMERAL = range(49_152, MAX_PORT + 1)
"""RFC 6335, section 6; macOS uses it."""
LOWEST_DRAWN = 10_000
"""Above the ports of stacks at the bases 8000 and 9000."""


def ephemeral_ports() -> range:
    """The ports that the kernel assigns to outgoing connections. A client socket may occupy the
    port of a server in this range.
    """
    try:
        lowest, highest = map(int, EPHEMERAL_FILE.read_text().split())
    except (OSError, ValueError):
        return IANA_EPHEMERAL
    return range(lowest, highest + 1)


def ports_outside(ephemeral: range) -> range:
    """The larger range below or above the ephemeral one; empty if it covers all ports."""
    below = range(LOWEST_DRAWN, ephemeral.start)
    above = range(max(ephemeral.stop, LOWEST_DRAWN), MAX_PORT + 1)
    return max(below, above, key=len)


SHARE = "WAYPOST_FREE_PORTS"
"""The variable that limits free ports to `20000-24999`, for this process and its children."""
_drawn: set[int] = set()


def free_range() -> range:
    """The range from which free ports are drawn: the share of this process, or all ports that the
    kernel does not assign to outgoing connections; all ports if it assigns every port.
    """
    if share := os.environ.get(SHARE):
        lowest, _, highest = share.partition("-")
        if not (lowest.isdecimal() and highest.isdecimal()):
            raise SetUpFailed(
                step=f"to read {SHARE}", reason=f"{share!r} is not a range of ports", remedy="set it like 20000-24999"
            )
        return range(int(lowest), int(highest) + 1)
    return ports_outside(ephemeral_ports()) or range(LOWEST_DRAWN, MAX_PORT + 1)


def free_ports(count: int) -> list[int]:
    """Ports without a listener, in ascending order from a random one on, then from the first. A
    process draws a port once, because the server of an earlier draw may bind its port later. Raises
    SetUpFailed if too few are left.
    """
    candidates = [port for port in free_range() if port not in _drawn]
    start = random.randrange(len(candidates) or 1)  # noqa: S311 - not a secret
    free = list(islice(filter(is_free, candidates[start:] + candidates[:start]), count))
    if len(free) < count:
        whole = free_range()
        raise SetUpFailed(
            step="to find a free port",
            reason=f"fewer than {count} of the ports {whole[0]} to {whole[-1]} are left",
            remedy=f"stop programs that listen there, or set {SHARE} to another range, such as 20000-24999",
        )
    reserve(free)
    return free


def reserve(ports: Iterable[int]) -> None:
    """Excludes these ports from later draws of this process."""
    _drawn.update(ports)


def is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free for a server
        try:
            listener.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def port_owner(port: int) -> str:
    """The process that listens on the port, `name (pid 12)`; `another process` if this account may
    not see it.
    """
    import psutil  # not installed in containers that import only addresses

    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:  # macOS shows sockets of other accounts only to root
        return "another process"
    pids = [c.pid for c in connections if c.laddr and c.laddr.port == port and c.status == psutil.CONN_LISTEN and c.pid]
    return f"{psutil.Process(pids[0]).name()} (pid {pids[0]})" if pids else "another process"
