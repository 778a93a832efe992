"""Wall time and CPU time of a piece of work."""

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

import asyncpg
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
    return sum(map(_cpu_seconds, (root, *root.children(recursive=True))))


def _cpu_seconds(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):  # it has just ended, so its parent counts its time
        return float(sum(process.cpu_times()[:4]))
    return 0.0


@dataclass(frozen=True, slots=True)
class PostgresCpu:
    """CPU time of the database server since `of`: its sessions, and its own processes."""

    pid: int
    before: float

    @classmethod
    async def of(cls, admin_dsn: str) -> Self:
        connection = await asyncpg.connect(admin_dsn)
        pid = int((await connection.fetchval("select pg_read_file('postmaster.pid')")).split()[0])
        await connection.close()
        return cls(pid, tree_cpu_seconds(pid))

    def seconds(self) -> float:
        return tree_cpu_seconds(self.pid) - self.before
