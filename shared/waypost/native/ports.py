"""Ports of this machine that are free."""

import random
import socket

LOOPBACK = "127.0.0.1"
FREE_RANGE = range(22_000, 32_000)  # below what kernels hand out for outgoing connections, away from the default stack


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now, drawn at random so that parallel test runs rarely meet."""
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
