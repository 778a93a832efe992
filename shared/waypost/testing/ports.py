"""Ports for test processes beside each other (pytest-xdist)."""

from waypost.native import ports

MARGIN = 100
"""Left free at the end of each share: a stack takes ports from one base on, and its last offset is
below this.
"""


def draw_from_share(index: int, shares: int) -> None:
    """Makes this test process draw its free ports from a share of its own: no two of them draw the
    same port.
    """
    ports.FREE_RANGE = share(ports.FREE_RANGE, index, shares)


def share(whole: range, index: int, shares: int) -> range:
    width = len(whole) // shares
    return range(whole.start + index * width, whole.start + (index + 1) * width - MARGIN)
