"""Ports of this machine: free ports, the process that listens on a port, and the kernel's range for
outgoing connections.
"""

import random
import socket
from pathlib import Path

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


FREE_RANGE = ports_outside(ephemeral_ports()) or range(LOWEST_DRAWN, MAX_PORT + 1)
"""The range from which free ports are drawn; all ports if the kernel uses every port for outgoing
connections.
"""


def free_ports(count: int) -> list[int]:
    """Random ports without a listener; random, so that parallel test runs rarely collide."""
    free: list[int] = []
    while len(free) < count:
        port = random.choice(FREE_RANGE)  # noqa: S311 - not a secret
        if port not in free and is_free(port):
            free.append(port)
    return free


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
