"""Paths on this machine: the checkout and its `.waypost` folder."""

from pathlib import Path

from waypost.native.child import importing

CHECKOUT = Path(__file__).resolve().parents[2]
TOOLKIT = CHECKOUT / "shared"
"""The folder that contains the `waypost` package."""
STATE = CHECKOUT / ".waypost"


def stack_directory(port_base: int) -> Path:
    """Data, logs and keys of the stack at one port base."""
    return STATE / str(port_base)


def inherited() -> dict[str, str]:
    """This process's environment, with the checkout importable from any folder."""
    return importing(CHECKOUT, TOOLKIT)
