"""Wall time and CPU time of a piece of work."""

import time
from collections.abc import Iterable, Mapping

import psutil

from bench.frame.row import Sample


class Stopwatch:
    """Starts when it is made. Counts the CPU time of the processes `pids` with their children, or
    of this process alone, whose children are the servers.
    """

    def __init__(self, *pids: int) -> None:
        self._pids = pids
        self._cpu, self._began = self._cpu_seconds(), time.perf_counter()

    def sample(
        self, units: int, latencies_ms: Iterable[float] = (), further: Mapping[str, float] | None = None
    ) -> Sample:
        return Sample(
            units=units,
            seconds=time.perf_counter() - self._began,
            cpu_seconds=self._cpu_seconds() - self._cpu,
            latencies_ms=list(latencies_ms),
            further=further or {},
        )

    def _cpu_seconds(self) -> float:
        return sum(map(tree_cpu_seconds, self._pids)) if self._pids else time.process_time()


def tree_cpu_seconds(pid: int) -> float:
    """User and system time of a process and its children, ended ones included."""
    root = psutil.Process(pid)
    return sum(sum(process.cpu_times()[:4]) for process in (root, *root.children(recursive=True)))
