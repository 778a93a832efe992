"""Named places where a test may kill, freeze or fail the process:
`WAYPOST_FAILPOINTS="relay.after_ack=kill,..."`.

A point is registered in the module that contains it (`AFTER_ACK = failpoint("relay.after_ack")`).
It does nothing unless the variable names it; then it acts the first time it is reached, and only
then. Every process of a service arms the points that the variable names, and logs a warning for
each.
"""

import os
import signal
from collections.abc import Callable, Mapping

import structlog

from waypost.kernel.errors import Misconfigured, WaypostError
from waypost.project import variable

log = structlog.get_logger()

VARIABLE = variable("FAILPOINTS")


class FailpointReached(WaypostError):
    """A failpoint with the action `raise` was reached."""


class Failpoint:
    """One named place; acts at most once."""

    __slots__ = ("_act", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._act: Callable[[], None] | None = None

    def hit(self) -> None:
        """Performs the armed action, if there is one."""
        if self._act is not None:
            act, self._act = self._act, None
            act()

    def arm(self, action: str) -> None:
        """Raises Misconfigured for an action that does not exist."""
        if action not in _ACTIONS:
            raise Misconfigured(f"{VARIABLE}: {self.name}={action} is not an action; use one of {', '.join(_ACTIONS)}")
        self._act = _ACTIONS[action]

    def disarm(self) -> None:
        self._act = None


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _raise() -> None:
    raise FailpointReached


_ACTIONS: Mapping[str, Callable[[], None]] = {"kill": _kill, "stop": _stop, "raise": _raise}
_points: dict[str, Failpoint] = {}


def failpoint(name: str) -> Failpoint:
    """Registers a point, or returns the one with this name; called at import."""
    return _points.setdefault(name, Failpoint(name))


def arm_failpoints(setting: str | None = None) -> None:
    """Arms the points that the variable names; called once per process, after its modules are
    imported.

    Raises Misconfigured for an unregistered name: a misspelt point would test nothing.
    """
    setting_text = os.environ.get(VARIABLE, "") if setting is None else setting
    for entry in filter(None, (entry.strip() for entry in setting_text.split(","))):
        name, _, action = entry.partition("=")
        if name not in _points:
            raise Misconfigured(f"{VARIABLE}: there is no failpoint {name!r}; there are {', '.join(sorted(_points))}")
        _points[name].arm(action)
        log.warning("failpoint_armed", failpoint=name, action=action, setting=VARIABLE)
