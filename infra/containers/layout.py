"""Where things are: parts within the stack's network, and what was prepared for them within a
container.
"""

from pathlib import Path

from infra.stack.addresses import Addresses

PREPARED = Path("/var/lib/waypost/prepared")
"""The whole volume, as `prepare` and `databases` see it."""
OWN = Path("/run/waypost")
"""A container's own folder of that volume, and no other's."""
DATA = Path("/var/lib/waypost")
"""Of a simulator: a volume of its own."""

OUTSIDE_KAFKA_PORT = 9092
"""The broker's second listener: it tells clients on this machine another address than those in the
network.
"""


class NetworkAddresses(Addresses):
    """Each part answers under its own name, on its port of the default base, whatever it is
    published at.
    """

    def host(self, part: str) -> str:
        return "mail" if part == "smtp" else part
