"""Ports for parallel test processes (pytest-xdist)."""

import os

from waypost.native import ports

MARGIN = 130
"""Unused ports at the end of each share. A stack uses the ports after its base; its largest offset
is below this.
"""


def draw_from_share(index: int, shares: int) -> None:
    """Limits this test process and its children to its share of the free ports, so that two test
    processes never draw the same port. A test process that another one started divides the share
    of that one.
    """
    own = share(ports.free_range(), index, shares)
    os.environ[ports.SHARE] = f"{own[0]}-{own[-1]}"


def share(whole: range, index: int, shares: int) -> range:
    width = len(whole) // shares
    return range(whole.start + index * width, whole.start + (index + 1) * width - MARGIN)
