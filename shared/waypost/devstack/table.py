"""Renders the board: a live table on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterable
from contextlib import suppress

import psutil
from rich.console import Console
from rich.table import Table

from waypost.devstack.status_board import Line, Phase, Snapshot

COLOURS = {
    Phase.WAITING: "dim",
    Phase.STARTING: "yellow",
    Phase.READY: "green",
    Phase.DONE: "green",
    Phase.SILENT: "red",
    Phase.FAILED: "red",
    Phase.STOPPING: "yellow",
    Phase.STOPPED: "dim",
}
MEBIBYTE = 1 << 20
WIDTH_WITHOUT_TERMINAL = 160
"""Columns of the output when it is not a terminal."""


def table_of(lines: Iterable[Line]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("component", "state", "for", "pid", "memory", "ports", "page"):
        table.add_column(heading, justify="right" if heading in ("for", "pid", "memory") else "left", no_wrap=True)
    for line in lines:
        table.add_row(
            line.name,
            f"[{COLOURS[line.phase]}]{line.phase}[/]" + (f" [red]({line.failures} failed)[/]" if line.failures else ""),
            duration(time.time() - line.since),
            str(line.pid or ""),
            memory(line.pid),
            " ".join(map(str, line.ports)),
            line.page,
        )
    return table


def duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def memory(pid: int | None) -> str:
    """Resident memory of a process and its children, without shared memory. Counts only processes
    that this account can inspect.
    """
    if pid is None:
        return ""
    try:
        parent = psutil.Process(pid)
        sizes = [memory_bytes(parent), *map(memory_of_child, parent.children(recursive=True))]
    except psutil.NoSuchProcess:
        return ""
    return f"{sum(sizes) // MEBIBYTE} MB"


def memory_of_child(child: psutil.Process) -> int:
    """0 if it has just ended."""
    with suppress(psutil.NoSuchProcess):
        return memory_bytes(child)
    return 0


def memory_bytes(process: psutil.Process) -> int:
    information = process.memory_info()
    shared = getattr(information, "shared", 0)  # available on Linux only
    return int(information.rss - shared)


def problem_of(line: Line) -> str:
    """The error of a component; one line if the component is optional."""
    if line.phase is Phase.SILENT:
        return "it runs, but several consecutive health checks failed"
    return line.error.partition("\n")[0].rstrip(":") if line.optional else line.error


class Lines:
    """Prints one plain line for each change of a component's phase."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._seen: dict[str, tuple[Phase, int]] = {}

    def update(self, snapshot: Snapshot) -> None:
        for line in snapshot.lines:
            now = (line.phase, line.failures)
            if self._seen.get(line.name) != now and line.phase is not Phase.WAITING:
                detail = f": {problem_of(line)}" if line.phase in (Phase.FAILED, Phase.SILENT) else ""
                self._console.print(f"{line.name:<22} {line.phase}{detail}", markup=False, highlight=False)
            self._seen[line.name] = now
