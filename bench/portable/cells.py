"""The harness's chaos cells: one run for each scenario and system, with the rates and replicas of
its own sweep, and the table of their results.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.reference.markdown import table

SUMMARY = "summary.json"
RECOVERY, BASELINE = "recovery", "baseline"
DURATION = re.compile(r":(\d+)s$")
LEAST_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One scenario: the offered rate of each replica, and the number of replicas."""

    rate: int
    replicas: int
    phases: Sequence[str]
    """As in the harness's own scenario, for shorter runs of the same phases."""

    def arguments(self, system: str, *, scenario: str, shorten: int) -> list[str]:
        """Arguments of the harness's `run`. With `shorten` above 1 each phase lasts that part of
        its time, but not less than ten seconds.
        """
        chosen = ["--scenario", scenario] if shorten == 1 else list(self._shortened(shorten))
        load = ["--producer-rate", str(self.rate), "--replicas", str(self.replicas)]
        return ["run", "--systems", system, *chosen, *load]

    def _shortened(self, by: int) -> Iterator[str]:
        for phase in self.phases:
            found = DURATION.search(phase)
            assert found, f"the phase {phase} has no duration in seconds"
            yield "--phase"
            yield DURATION.sub(f":{max(int(found[1]) // by, LEAST_SECONDS)}s", phase)


def _cell(*chaos: str, rate: int, replicas: int) -> Cell:
    phases = ("warmup=warmup:30s", "baseline=clean:60s", *chaos, "recovery=clean:60s")
    return Cell(rate=rate, replicas=replicas, phases=phases)


CELLS: Mapping[str, Cell] = {
    "chaos_postgres_restart": _cell("restart=postgres-restart:60s", rate=600, replicas=1),
    "chaos_pg_backend_kill": _cell("kills=pg-backend-kill(rate=2):60s", rate=600, replicas=1),
    "chaos_pool_exhaustion": _cell("exhaustion=pool-exhaustion(idle_conns=300):60s", rate=600, replicas=1),
    "chaos_crash_recovery": _cell(
        "kill=kill-worker(instance=0):60s", "restart=start-worker(instance=0):60s", rate=300, replicas=2
    ),
    "chaos_repeated_kills": _cell("repeated=repeated-kill(instance=0,period=20s):120s", rate=300, replicas=2),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    scenario: str
    system: str
    exit_code: int
    block: Mapping[str, Any]
    """The system's part of the harness's `summary.json`; empty if the run failed."""
    account: Mapping[str, int]
    """The system's jobs by what became of them; empty if they were not counted."""


def result_of(folder: Path, *, scenario: str, system: str, exit_code: int, account: str) -> Result:
    """Reads the folder that the harness wrote its run to."""
    summaries = sorted(folder.glob(f"*/{SUMMARY}"))
    block = json.loads(summaries[-1].read_text())["systems"].get(system, {}) if summaries else {}
    counted = folder / account
    accounts = json.loads(counted.read_text()) if counted.exists() else {}
    return Result(
        scenario=scenario,
        system=system,
        exit_code=exit_code,
        block=block,
        account=accounts.get(system, {}),
    )


COLUMNS = (
    "cell",
    "system",
    "baseline, jobs/s",
    "recovery / baseline",
    "seconds to 90 %",
    "enqueued",
    "completed",
    "p99 baseline, ms",
    "p99 recovery, ms",
    "acknowledged",
    "complete / dead / pending / lost",
)
OUTCOMES = ("complete", "dead", "pending", "lost")


def results_table(results: Sequence[Result]) -> str:
    """Markdown. A failed cell has the exit code of its run."""
    return table(COLUMNS, [list(_row(result)) for result in results])


def _row(result: Result) -> Iterator[str]:
    yield result.scenario.removeprefix("chaos_")
    yield result.system
    phases: Mapping[str, Mapping[str, Any]] = result.block.get("phases", {})
    if result.exit_code != 0 or RECOVERY not in phases:
        yield f"**failed** (exit code {result.exit_code})"
        yield from [""] * (len(COLUMNS) - 3)
        return
    before, after = phases[BASELINE], phases[RECOVERY]
    rate, recovered = before["median_throughput_per_s"] or 0.0, after["median_throughput_per_s"] or 0.0
    yield f"{rate:,.0f}"
    yield f"{recovered / rate:.0%}" if rate else "–"
    yield _number(after.get("chaos_recovery_time_s"), digits=1)
    yield _number(after.get("jobs_enqueued"))
    yield _number(after.get("jobs_completed"))
    yield _number(before.get("median_claim_p99_ms"), digits=1)
    yield _number(after.get("median_claim_p99_ms"), digits=1)
    yield _number(result.account.get("acknowledged"))
    yield " / ".join(_number(result.account.get(outcome)) for outcome in OUTCOMES)


def _number(value: float | None, *, digits: int = 0) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"
