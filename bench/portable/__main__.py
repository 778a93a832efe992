"""Runs Waypost's jobs, and other queues, in the public harness of job queues.

    python -m bench.portable --harness FOLDER [--systems waypost,river] [--shorten 3] [CELL …]
    python -m bench.portable --harness FOLDER -- run --systems waypost --scenario active_readers

FOLDER is a checkout of hardbyte/postgresql-job-queue-benchmarking at the commit below; this program
does not fetch it. The first form runs chaos cells, all by default, and prints a table. The second
form passes its arguments to the harness. Results are written below `.waypost/portable`.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bench.frame.environment import environment
from bench.frame.peers import install_environment
from bench.portable.cells import CELLS, result_of, results_table
from bench.portable.driver import ACCOUNT
from bench.portable.systems import OURS, REASONS, changes, revision
from infra.stack.places import CHECKOUT, STATE

COMMIT = "93677cab92dad89ee9eccb0d6e113893de43cbe6"
"""The commit of the harness that this adapter was written for."""
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
FOLDER = STATE / "portable"
KNOWN = (OURS, "procrastinate", "river")
STOP_SECONDS = 30.0
CELL_MINUTES = 15
"""The limit of the harness's own sweep for a cell."""
OUTPUT = "results"
"""The harness's folder of earlier results: it decides nothing."""
BATCHES = {"PRODUCER_BATCH_MAX": "128", "PRODUCER_BATCH_MS": "25"}
"""The jobs of 25 ms, 128 at most, are one transaction of the producer. The harness passes these
variables to each adapter; without them each has other defaults, and the systems would not do the
same work. The environment of this program overrides them for all systems.
"""


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """The words after `--` are those of the harness."""
    own, passed = (given[: given.index("--")], given[given.index("--") + 1 :]) if "--" in given else (given, [])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--harness", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--commit", default=COMMIT, help="accept another commit of the harness")
    parser.add_argument("--systems", default=OURS, help=f"separated by commas: {', '.join(KNOWN)}")
    parser.add_argument("--shorten", type=int, default=1, metavar="N", help="each phase lasts an Nth of its time")
    parser.add_argument("cells", nargs="*", metavar="CELL", help=f"{', '.join(CELLS)}; all by default")
    asked = parser.parse_args(own)
    asked.passed = list(passed)
    asked.systems = asked.systems.split(",")
    if unknown := [cell for cell in asked.cells if cell not in CELLS]:
        parser.error(f"{', '.join(unknown)}: not a chaos cell. Choose from {', '.join(CELLS)}")
    for system in asked.systems:
        if system not in KNOWN:
            reason = REASONS.get(system, "the harness has no adapter of this name")
            parser.error(f"{system} does not run without Docker: {reason}. Choose from {', '.join(KNOWN)}")
    if "river" in asked.systems and shutil.which("go") is None:
        parser.error("river is built with Go, which is not installed: install Go 1.25 or later, or leave river out")
    if asked.shorten < 1:
        parser.error("--shorten takes 1 or more")
    if problem := unusable(asked.harness, asked.commit):
        parser.error(problem)
    return asked


def unusable(harness: Path, commit: str) -> str | None:
    """Why the folder is not the harness at this commit, and what to do. None if it is."""
    if not (harness / "bench_harness" / "orchestrator.py").exists():
        return (
            f"{harness} is not a checkout of hardbyte/postgresql-job-queue-benchmarking: clone the repository,"
            f" check out {commit}, and pass the folder"
        )
    found = revision(harness)
    if found != commit:
        return (
            f"{harness} is at commit {found or 'unknown'}, but the adapter was written for {commit}: check that commit out,"
            f" or pass --commit {found or 'COMMIT'} to try this one"
        )
    if changed := changes(harness, except_in=OUTPUT):
        return (
            f"{harness} differs from its commit in {', '.join(changed[:5])}{' and others' if changed[5:] else ''}: the"
            " results would not be those of the harness. Restore or remove these files, or clone the repository again"
        )
    return None


def run(harness: Path, results: Path, words: Sequence[str], *, minutes: float | None = None) -> int:
    """Runs the harness's command; returns its exit code, or 124 at the time limit."""
    python = install_environment(REQUIREMENTS, FOLDER / "environment")
    results.mkdir(parents=True, exist_ok=True)
    command = [str(python), "-m", "bench.portable.driver", str(harness.resolve()), str(results), sys.executable, *words]
    process = subprocess.Popen(command, env=BATCHES | environment(), cwd=CHECKOUT, start_new_session=True)
    try:
        return process.wait(None if minutes is None else 60 * minutes)
    except subprocess.TimeoutExpired:
        return 124
    finally:
        end_group(process)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ends the program and the systems that it started, by force after 30 s."""
    for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, None)):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)


def run_cells(asked: argparse.Namespace, results: Path) -> int:
    """Returns 1 if a cell of Waypost failed."""
    found = []
    for scenario in asked.cells or CELLS:
        for system in asked.systems:
            folder = results / f"{scenario}-{system}"
            words = CELLS[scenario].arguments(system, scenario=scenario, shorten=asked.shorten)
            code = run(asked.harness, folder, words, minutes=CELL_MINUTES)
            found.append(result_of(folder, scenario=scenario, system=system, exit_code=code, account=ACCOUNT))
            (results / "table.md").write_text(results_table(found))
    print(results_table(found))
    return 1 if any(each.exit_code and each.system == OURS for each in found) else 0


if __name__ == "__main__":
    asked = arguments(sys.argv[1:])
    results = FOLDER / time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    sys.exit(run(asked.harness, results, asked.passed) if asked.passed else run_cells(asked, results))
