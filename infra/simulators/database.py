"""The simulators' storage: one SQLite file each, so that a killed process loses nothing that it has
acknowledged.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")


class Database:
    """One connection on one thread: transactions run one after another, and the event loop never
    waits for the disk.
    """

    def __init__(self, path: Path, tables: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=path.stem)
        self._connection = self._thread.submit(_open, path, tables).result()

    async def transaction(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Returns the result of `work` once its transaction is on disk; rolls back when it raises.
        A cancelled call may still have committed.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, work)

    def close(self) -> None:
        self._thread.submit(self._connection.close).result()
        self._thread.shutdown()

    def _run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        self._connection.execute("begin immediate")
        try:
            result = work(self._connection)
            self._connection.execute("commit")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("rollback")
            raise
        return result


def _open(path: Path, tables: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute("pragma journal_mode = wal")
    # With the default of WAL mode a power cut can undo commits; an acknowledged answer has to
    # survive it.
    connection.execute("pragma synchronous = full")
    connection.execute("pragma foreign_keys = on")
    connection.execute("pragma busy_timeout = 5000")
    connection.executescript(tables)
    return connection
