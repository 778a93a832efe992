"""Paths within a container, and addresses within the stack's network."""

from pathlib import Path

from infra.stack.addresses import Addresses

PREPARED = Path("/var/lib/waypost/prepared")
"""The whole volume, as `prepare` and `databases` mount it."""
OWN = Path("/run/waypost")
"""The only folder of that volume that a container mounts."""
DATA = Path("/var/lib/waypost")
"""A simulator's own volume."""

OUTSIDE_KAFKA_PORT = 9092
"""The broker's second listener, which advertises an address that this machine can reach."""


class NetworkAddresses(Addresses):
    """Each part answers under its own name, on its port of the default base, independent of the
    published port.
    """

    def host(self, part: str) -> str:
        return "mail" if part == "smtp" else part.replace("-management", "-api")
