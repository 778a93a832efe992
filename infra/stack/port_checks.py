"""Refuses ports that a stack cannot use, before anything is started."""

from infra.stack.addresses import DEFAULT_PORT_BASE, MAX_PORT_BASE, Addresses, offsets
from waypost.native.errors import SetUpFailed
from waypost.native.ports import ephemeral_ports, ports_outside

STEP = "Starting the stack"


def refuse_ephemeral_ports(addresses: Addresses, ephemeral: range | None = None) -> None:
    """Raises SetUpFailed for a base with a port that the kernel may give to an outgoing connection
    at any moment.

    If the kernel uses every port for outgoing connections, all bases are accepted.
    """
    ephemeral = ephemeral_ports() if ephemeral is None else ephemeral
    used = range(addresses.port_base, addresses.port_base + max(offsets().values()) + 1)
    if not ports_outside(ephemeral) or not any(port in ephemeral for port in used):
        return
    reason = (
        f"ports {used.start} to {used[-1]} overlap {ephemeral.start} to {ephemeral[-1]},"
        " which the kernel assigns to outgoing connections (net.ipv4.ip_local_port_range)"
    )
    remedy = f"choose WAYPOST_PORT_BASE {outside(ephemeral, len(used))}, such as {DEFAULT_PORT_BASE}"
    raise SetUpFailed(STEP, reason, remedy)


def outside(ephemeral: range, width: int) -> str:
    ranges = [(1024, ephemeral.start - width), (ephemeral.stop, MAX_PORT_BASE)]
    return " or ".join(f"from {lowest} to {highest}" for lowest, highest in ranges if lowest <= highest)
