"""Ports for parallel test processes (pytest-xdist)."""

from waypost.native import ports

MARGIN = 130
"""Unused ports at the end of each share. A stack uses the ports after its base; its largest offset
is below this.
"""


def draw_from_share(index: int, shares: int) -> None:
    """Limits this test process to its share of the free ports, so that two test processes never
    draw the same port.
    """
    ports.FREE_RANGE = share(ports.FREE_RANGE, index, shares)


def share(whole: range, index: int, shares: int) -> range:
    width = len(whole) // shares
    return range(whole.start + index * width, whole.start + (index + 1) * width - MARGIN)
