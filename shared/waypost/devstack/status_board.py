"""The status board: the state of each component, in memory and in a file that other processes
read.
"""

import asyncio
import json
import logging
import os
import time
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

LOGGER = logging.getLogger(__name__)


class Phase(StrEnum):
    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    SILENT = "silent"
    """Runs, but several consecutive health checks failed."""
    DONE = "done"
    """A one-shot that has finished."""
    FAILED = "failed"
    """Ended, or did not answer after its start; it is restarted after a pause."""
    STOPPING = "stopping"
    STOPPED = "stopped"


UP = (Phase.READY, Phase.DONE)


@dataclass(slots=True, kw_only=True)
class Line:
    """The state of one component on the board."""

    name: str
    phase: Phase = Phase.WAITING
    since: float = field(default_factory=time.time)
    """Unix seconds of the last change of phase."""
    pid: int | None = None
    failures: int = 0
    error: str = ""
    ports: list[int] = field(default_factory=list)
    page: str = ""
    log: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The board as another process reads it."""

    supervisor: int
    port_base: int
    lines: list[Line]

    @property
    def all_up(self) -> bool:
        return self.are_up()

    def are_up(self, names: Collection[str] = ()) -> bool:
        """True if these components are up; without names, if every component is up that is not
        optional.
        """
        wanted = [line for line in self.lines if (line.name in names if names else not line.optional)]
        return all(line.phase in UP for line in wanted)


class StatusBoard:
    """The supervisor's board; writes the file after each change."""

    def __init__(self, file: Path, port_base: int, lines: Iterable[Line]) -> None:
        self._file = file
        self._port_base = port_base
        self.lines = {line.name: line for line in lines}
        self._up = {name: asyncio.Event() for name in self.lines}
        self._write()

    def add(self, line: Line) -> None:
        """Adds a component; one with the same name is replaced."""
        self.lines[line.name] = line
        self._up.setdefault(line.name, asyncio.Event()).clear()
        self._write()

    async def wait_for(self, name: str) -> None:
        """Returns when the component is up, for the first time or again."""
        await self._up[name].wait()

    def show(self, name: str, phase: Phase, **changes: Any) -> None:
        """Sets a component's phase and other attributes of its line, and logs a change of phase."""
        line = self.lines[name]
        before = asdict(line)
        if phase != line.phase:
            line.phase, line.since = phase, time.time()
            LOGGER.info("%s %s %s", name, phase, changes.get("error", ""))
        for attribute, value in changes.items():
            setattr(line, attribute, value)
        if phase in UP:
            self._up[name].set()
        else:
            self._up[name].clear()
        if asdict(line) != before:
            self._write()

    def _write(self) -> None:
        """Writes atomically, so that readers never see a partial board."""
        lines = [asdict(line) for line in self.lines.values()]
        unfinished = self._file.with_suffix(".unfinished")
        unfinished.write_text(json.dumps({"supervisor": os.getpid(), "port_base": self._port_base, "lines": lines}))
        unfinished.replace(self._file)


def read_board(file: Path) -> Snapshot | None:
    """None if the file is missing. A supervisor that starts deletes the one of a killed
    predecessor.
    """
    try:
        stored = json.loads(file.read_text())
    except FileNotFoundError:
        return None
    lines = [Line(**{**line, "phase": Phase(line["phase"])}) for line in stored.pop("lines")]
    return Snapshot(**stored, lines=lines)
