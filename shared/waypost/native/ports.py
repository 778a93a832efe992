"""Ports of this machine: which are free, which process holds one, and which the kernel gives to
outgoing connections.
"""

import random
import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"
HIGHEST_PORT = 65_535
EPHEMERAL_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")
IANA_EPHEMERAL = range(49_152, HIGHEST_PORT + 1)
"""RFC 6335, section 6; macOS uses it."""
LOWEST_DRAWN = 10_000
"""Above the default stack and its neighbour at 9000."""


def ephemeral_ports() -> range:
    """The ports that the kernel gives to outgoing connections. A server there may find its port
    taken by a client socket.
    """
    try:
        lowest, highest = map(int, EPHEMERAL_FILE.read_text().split())
    except (OSError, ValueError):
        return IANA_EPHEMERAL
    return range(lowest, highest + 1)


def ports_outside(ephemeral: range) -> range:
    """The larger range below or above the ephemeral one; empty if that covers both."""
    below = range(LOWEST_DRAWN, ephemeral.start)
    above = range(max(ephemeral.stop, LOWEST_DRAWN), HIGHEST_PORT + 1)
    return max(below, above, key=len)


FREE_RANGE = ports_outside(ephemeral_ports()) or range(LOWEST_DRAWN, HIGHEST_PORT + 1)
"""Where free ports are drawn: the same ports that a stack may use. On a kernel without such ports,
all of them.
"""


def free_ports(count: int) -> list[int]:
    """Random ports without a listener. Random, so that parallel test runs rarely collide."""
    found: list[int] = []
    while len(found) < count:
        port = random.choice(FREE_RANGE)  # noqa: S311 - no secret
        if port not in found and is_free(port):
            found.append(port)
    return found


def is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free for a server
        try:
            listener.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def port_owner(port: int) -> str:
    """The process that listens there, `name (pid 12)`, as far as this account may see."""
    import psutil  # a container that only reads addresses has none

    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:  # macOS shows other accounts' sockets to root alone
        return "another process"
    pids = [c.pid for c in connections if c.laddr and c.laddr.port == port and c.status == psutil.CONN_LISTEN and c.pid]
    return f"{psutil.Process(pids[0]).name()} (pid {pids[0]})" if pids else "another process"
