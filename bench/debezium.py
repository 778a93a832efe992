"""Debezium's engine as a relay: its program, its slot, and a server whose log it can read."""

import asyncio
import hashlib
import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from bench.frame.servers import Servers
from bench.relay_parts import Parts
from infra.stack.places import CHECKOUT, STATE
from waypost.native.errors import SetUpFailed
from waypost.native.java import find_java
from waypost.native.ports import free_ports
from waypost.native.postgres import Postgres
from waypost.testing.database import connected
from waypost.testing.folders import scratch_folder
from waypost.testing.kafka import running_kafka

SOURCES = CHECKOUT / "bench" / "peers" / "debezium"
FOLDER = STATE / "debezium"
SLOT = "bench_debezium"
"""Name of the replication slot and of the publication."""
BATCHED, AT_ONCE = "5", "0"
"""The producer's `linger.ms`: 5 is its default."""


def build() -> Path:
    """Returns the folder of the program. Instant if it was built from the same sources. Raises
    SetUpFailed.
    """
    files = sorted(file for file in SOURCES.rglob("*") if file.is_file())
    stamp = FOLDER / f".built-{hashlib.sha256(b''.join(file.read_bytes() for file in files)).hexdigest()[:16]}"
    if not stamp.exists():
        print("Building bench/peers/debezium …", flush=True)
        shutil.rmtree(FOLDER, ignore_errors=True)
        shutil.copytree(SOURCES, FOLDER)
        _run_maven("compile", "dependency:copy-dependencies", "-DoutputDirectory=lib")
        stamp.touch()
    return FOLDER


def _run_maven(*goals: str) -> None:
    maven, name = shutil.which("mvn"), "Debezium's engine"
    if maven is None or not (find_java().program.with_name("javac")).exists():
        missing = "no `mvn` was found" if maven is None else "the Java has no compiler"
        raise SetUpFailed(name, missing, "install Maven 3.6 or newer and a JDK 17 or newer; the peer needs both")
    done = subprocess.run([maven, "-q", "-B", *goals], cwd=FOLDER, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SetUpFailed(name, done.stdout[-2000:], "check the network and ~/.m2/settings.xml, then try again")


def command(parts: Parts, *, warm_up: int, rows: int, linger_ms: str) -> Sequence[str]:
    """Publishes so many rows and ends, see `OutboxRelay.java`."""
    server = urlsplit(parts.admin_dsn)
    at = (server.hostname, server.port, server.path.removeprefix("/"), server.username, server.password)
    folder = build()
    return [
        *(str(find_java().program), "-Xmx1g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"),
        *("-cp", f"{folder}/target/classes:{folder}/lib/*", "bench.OutboxRelay"),
        *(*map(str, at), SLOT, parts.bootstrap, str(warm_up), str(rows), linger_ms),
    ]


@asynccontextmanager
async def slot(parts: Parts) -> AsyncIterator[None]:
    """Keeps the log of the rows that are inserted in the block; deletes them at the end."""
    async with connected(parts.admin_dsn) as admin:
        await admin.execute(f"create publication {SLOT} for table outbox with (publish = 'insert')")
        await admin.execute("select pg_create_logical_replication_slot($1, 'pgoutput')", SLOT)
        try:
            yield
        finally:
            active = "select active from pg_replication_slots where slot_name = $1"
            while await admin.fetchval(active, SLOT):  # noqa: ASYNC110 - the server does not notify of its end
                await asyncio.sleep(0.05)
            await admin.execute("select pg_drop_replication_slot($1)", SLOT)
            await admin.execute(f"drop publication {SLOT}")
            await admin.execute("truncate outbox")


@asynccontextmanager
async def logical_postgres_and_kafka() -> AsyncIterator[Servers]:
    """As `postgres_and_kafka`, with a log that can be decoded, for every arm."""
    with scratch_folder() as folder:
        (port,) = free_ports(1)
        postgres = Postgres(folder / "postgres", port=port, password=secrets.token_urlsafe(24))
        try:
            await postgres.start()
            with (postgres.data / "postgresql.conf").open("a") as settings:
                settings.write("wal_level = logical\n")
            await postgres.stop()
            await postgres.start()
            async with running_kafka(folder) as kafka:
                yield Servers(folder=folder, admin_dsn=postgres.admin_dsn, bootstrap=kafka.bootstrap)
        finally:
            await postgres.stop()
