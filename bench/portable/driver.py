"""Runs the harness's own command line with a native server and native programs.

    python -m bench.portable.driver HARNESS RESULTS OWN_PYTHON run --systems waypost …

`bench.portable` starts it in the harness's environment. Only functions that start or prepare the
database server, and the entries of `programs`, are replaced; phases, figures and reports are the
harness's.
"""

import json
import os
import secrets
import signal
import sys
from pathlib import Path
from typing import Any

from bench.portable.accounts import acknowledged_in
from bench.portable.server import HarnessServer
from bench.portable.systems import CHECKOUT, OURS, programs, registered, revision

ACCOUNT = "account.json"
"""By system, the jobs by what became of them, in the folder of the results."""
ACKNOWLEDGED = "acknowledged"
"""The folder beside it, in which Waypost's adapters write the ids of acknowledged jobs."""


def use_server(orchestrator: Any, adapters: Any, server: HarnessServer, *, account: Path | None = None) -> None:
    """Replaces the functions of `bench_harness.orchestrator` that start, stop and prepare the
    server. With `account`, the jobs are counted into this file before the data are deleted.
    """
    adapters.PG_PORT, adapters.PG_USER, adapters.PG_PASS = server.port, server.user, server.password

    def remove_after_account(_image: str) -> None:
        if account is not None:
            write_account(server, account)
        remove(server)

    def prepare(manifest: Any, *, recreate: bool = False) -> None:
        server.prepare_database(manifest.db_name, manifest.extensions, recreate=recreate)

    orchestrator.start_postgres = lambda _image: server.start()
    orchestrator.stop_postgres = remove_after_account
    orchestrator._compose_stop_postgres = lambda _image: server.stop()
    orchestrator._compose_start_postgres = lambda _image: server.start()
    orchestrator._restart_postgres = lambda _image: server.restart()
    orchestrator.preflight_database = prepare


def remove(server: HarnessServer) -> None:
    """The harness's variable KEEP_DB keeps the data for a look."""
    if os.environ.get("KEEP_DB"):
        server.stop()
    else:
        server.remove()


def write_account(server: HarnessServer, file: Path) -> None:
    """Writes nothing while no database exists or answers: the harness also removes a server on
    which nothing ran, or after an error. Keeps the accounts of systems that ran before, on a server
    that is gone.
    """
    if counted := server.accounts(acknowledged_in(file.parent / ACKNOWLEDGED)):
        file.parent.mkdir(parents=True, exist_ok=True)
        earlier = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps(earlier | counted))
        print(f"[harness] jobs by outcome: {counted}", file=sys.stderr)


def main(harness: Path, results: Path, own_python: str, arguments: list[str]) -> int:
    sys.path.insert(0, str(harness))
    from bench_harness import adapters, orchestrator, versions

    state = results.parent
    (results / ACKNOWLEDGED).mkdir(parents=True, exist_ok=True)
    known = programs(
        harness,
        state=state,
        acknowledged=results / ACKNOWLEDGED,
        own_python=own_python,
        harness_python=sys.executable,
    )
    registered(adapters, known)
    versions._CAPTURE[OURS] = lambda: {"source": "waypost", "git_sha": revision(CHECKOUT)}
    orchestrator.RESULTS_ROOT = results
    server = HarnessServer(
        results / "server", password=secrets.token_hex(16), settings=(harness / "postgres.conf").read_text()
    )
    use_server(orchestrator, adapters, server, account=results / ACCOUNT)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return int(orchestrator.main(arguments))
    finally:
        remove(server)


if __name__ == "__main__":
    folder, results, python, *rest = sys.argv[1:]
    sys.exit(main(Path(folder), Path(results), python, rest))
