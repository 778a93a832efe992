"""A PostgreSQL server process: start, readiness, stop; kill, pause and resume for fault tests."""

import asyncio
import signal
import tempfile
from contextlib import suppress
from pathlib import Path

import asyncpg
import psutil

from waypost.native.child import Child
from waypost.native.configuration.postgres import CLUSTER
from waypost.native.errors import SetUpFailed, StartFailed
from waypost.native.folders import reachable_directory
from waypost.native.ports import LOOPBACK
from waypost.native.postgres.account import give_file_to, give_to, server_account
from waypost.native.postgres.binaries import find_binaries
from waypost.native.postgres.configuration import write_configuration
from waypost.native.postgres.replication import Replication, is_standby, prepare_standby
from waypost.native.probes import until_ready

SUPERUSER = "postgres"
PROMOTION_SECONDS = 45
"""Less than a client waits for the answer of a supervisor."""

_PROMOTE = "select case when pg_is_in_recovery() then pg_promote(true, $1) else true end"


class Postgres:
    """PostgreSQL 18 on the loopback address. Data survives stop, kill and a new start in the same
    directory; with `durable`, also a stop of the machine (`fsync`).

    For root, the server runs as an unprivileged account. Its data is below `/var/tmp` if that
    account cannot reach `directory`.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int,
        password: str,
        max_connections: int = 200,
        log: Path | None = None,
        durable: bool = True,
        replication: Replication | None = None,
        settings: str = "",
    ) -> None:
        """With `replication`, the server is the primary or the standby of a pair. `settings` are
        lines of a `postgresql.conf` that replace those of the toolkit.
        """
        self._data = reachable_directory(directory) / "data"
        self._port = port
        self._password = password
        self._max_connections = max_connections
        self._durable = durable
        self._replication = replication
        self._settings = settings
        self._log = log or directory / "postgres.log"
        self._account = server_account()
        self._child: Child | None = None

    @property
    def admin_dsn(self) -> str:
        """DSN of the superuser, for the database `postgres`."""
        return f"postgresql://{SUPERUSER}:{self._password}@{LOOPBACK}:{self._port}/postgres"

    @property
    def data(self) -> Path:
        return self._data

    @property
    def child(self) -> Child:
        if self._child is None:
            raise ProcessLookupError("PostgreSQL has not been started")
        return self._child

    async def start(self) -> None:
        """Returns once the server accepts connections, a standby only for reads. Raises SetUpFailed
        or StartFailed.
        """
        binaries = find_binaries()
        await self._prepare_data(binaries)
        write_configuration(
            self._data,
            port=self._port,
            max_connections=self._max_connections,
            durable=self._durable,
            further=(self._replication.settings(SUPERUSER, self._password) if self._replication else "")
            + self._settings,
        )
        # SIGQUIT makes the server end its processes at once. After SIGKILL they would end only when
        # they notice that the server is gone.
        command = [str(binaries / "postgres"), "-D", str(self._data)]
        self._child = Child(command, log=self._log, account=self._account, death_signal=signal.SIGQUIT)
        await self._child.start()
        await until_ready("PostgreSQL", self._child, self.is_reachable, deadline_seconds=60)
        if self._replication and self._replication.is_primary and is_standby(self._data):
            await self._promote()  # it was stopped during its promotion

    async def promote(self) -> None:
        """Makes the standby the primary. Returns when it accepts writes. The caller has ended the
        old primary before; it becomes a standby at its next start. Raises StartFailed if the server
        does not end its recovery in time.
        """
        if self._replication is None:
            raise SetUpFailed("Promoting PostgreSQL", "the server has no partner", "start the stack with STANDBY=1")
        self._replication.pair.set_primary(self._replication.name)
        await self._promote()

    async def _promote(self) -> None:
        connection = await asyncpg.connect(self.admin_dsn, timeout=5)
        try:
            if not await connection.fetchval(_PROMOTE, PROMOTION_SECONDS):
                reason = f"it is still in recovery {PROMOTION_SECONDS} s after the request"
                raise StartFailed(f"PostgreSQL at port {self._port} was not promoted: {reason}; look at {self._log}")
        finally:
            await connection.close()

    async def is_in_recovery(self) -> bool:
        """True if the server runs as a standby."""
        try:
            connection = await asyncpg.connect(self.admin_dsn, timeout=2)
        except (OSError, TimeoutError, asyncpg.CannotConnectNowError):
            return False
        try:
            return bool(await connection.fetchval("select pg_is_in_recovery()"))
        finally:
            await connection.close()

    async def is_reachable(self) -> bool:
        """True if the server accepts connections; False during recovery after a crash."""
        try:
            connection = await asyncpg.connect(self.admin_dsn, timeout=2)
        except (OSError, TimeoutError, asyncpg.CannotConnectNowError):
            return False
        await connection.close()
        return True

    async def stop(self, deadline_seconds: float = 10) -> None:
        """Ends every session and writes a checkpoint ("fast" shutdown). Kills the server at the
        deadline.
        """
        if self._child and self._child.running:
            self.resume()
            await self._child.stop(deadline_seconds, first=signal.SIGINT)

    async def stop_immediately(self) -> None:
        """Stops the server as a power cut would: without a checkpoint. The next start recovers from
        the log.
        """
        await self.child.stop(first=signal.SIGQUIT)

    async def kill(self) -> None:
        """Sends SIGKILL to the server and all its processes, so that none still uses the data at
        the next start.
        """
        if self._child and self._child.running:
            self._send(signal.SIGKILL)
            await self._child.wait()

    def pause(self) -> None:
        """Sends SIGSTOP: connections stay open, requests get no answer."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        self._send(signal.SIGCONT)

    def _send(self, signal_number: signal.Signals) -> None:
        """Sends a signal to all its processes, which have separate sessions. Suspends the server
        first, so that it starts no new process.
        """
        if not self.child.running:
            return
        server = psutil.Process(self.child.pid)
        server.suspend()
        for process in (*server.children(recursive=True), server):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal_number)

    async def _prepare_data(self, binaries: Path) -> None:
        if self._replication and not self._replication.is_primary:
            await prepare_standby(
                self._data,
                self._replication,
                binaries=binaries,
                account=self._account,
                user=SUPERUSER,
                password=self._password,
            )
        elif not (self._data / "PG_VERSION").exists():
            await self._initialise(binaries)

    async def _initialise(self, binaries: Path) -> None:
        self._data.parent.mkdir(parents=True, exist_ok=True)
        self._data.parent.chmod(0o711)  # the account must be able to traverse it, independent of the umask
        give_to(self._account, self._data)
        with tempfile.NamedTemporaryFile("w", dir=self._data.parent) as password:
            password.write(self._password)
            password.flush()
            give_file_to(self._account, Path(password.name))
            await self._run_initdb(binaries / "initdb", Path(password.name))

    async def _run_initdb(self, initdb: Path, password: Path) -> None:
        access = ("-U", SUPERUSER, "-A", "scram-sha-256", "--pwfile", str(password))
        process = await asyncio.create_subprocess_exec(
            *(str(initdb), "-D", str(self._data), *access, *CLUSTER),
            user=self._account,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await process.communicate()
        if process.returncode != 0:
            raise SetUpFailed(
                "Initialising PostgreSQL's data folder", printed.decode(), f"delete {self._data} and try again"
            )
