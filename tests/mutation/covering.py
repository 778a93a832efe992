"""Which tests execute which lines of the toolkit, and how long each takes. One run of the suite
under Coverage.py measures both.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest
from coverage import CoverageData

from infra.stack.places import CHECKOUT, STATE

FOLDER = STATE / "mutation"
DATA, DURATIONS = FOLDER / "coverage", FOLDER / "durations.json"
SUITES = ("unit", "contracts", "integration", "faults", "simulation")
DURATIONS_VARIABLE = "WAYPOST_MUTATION_DURATIONS"


class CoveringTests:
    """The result of `measure`."""

    def __init__(self) -> None:
        self._data = CoverageData(str(DATA))
        self._data.read()
        self._durations: Mapping[str, float] = json.loads(DURATIONS.read_text())
        self._lines_of_file: dict[str, Mapping[int, Sequence[str]]] = {}

    def of(self, path: str, line: int) -> Sequence[str]:
        """Tests that execute the line, the shortest first. For a line that only an import executes:
        the tests that execute another line of the file.
        """
        lines = self._lines(path)
        tests = _tests(lines.get(line, ())) or _tests(context for each in lines.values() for context in each)
        return sorted(tests & self._durations.keys(), key=lambda test: (self._durations[test], test))

    def seconds(self, test: str) -> float:
        return self._durations[test]

    def _lines(self, path: str) -> Mapping[int, Sequence[str]]:
        if path not in self._lines_of_file:
            self._lines_of_file[path] = self._data.contexts_by_lineno(str(CHECKOUT / path))
        return self._lines_of_file[path]


def measure(workers: int) -> None:
    """Runs the tests. Raises RuntimeError if one fails: it could find no mutant."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    DURATIONS.unlink(missing_ok=True)
    command = [
        *(sys.executable, "-m", "pytest", "-q", f"--numprocesses={workers}", "-p", "tests.mutation.covering"),
        *("--cov=shared/waypost", "--cov-context=test", "--cov-report=", "--timeout=600"),
        *(f"tests/{suite}" for suite in SUITES),
    ]
    environment = {**os.environ, "COVERAGE_FILE": str(DATA), DURATIONS_VARIABLE: str(DURATIONS)}
    if subprocess.run(command, cwd=CHECKOUT, env=environment, check=False).returncode:
        raise RuntimeError("the tests fail without a mutant; repair them first")


def _tests(contexts: Iterable[str]) -> set[str]:
    """Contexts are `test|phase`."""
    return {context.partition("|")[0] for context in contexts if context}


class _Durations:
    """A plugin of pytest: sums the phases of each test."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[report.nodeid] = self._seconds.get(report.nodeid, 0.0) + report.duration

    def pytest_sessionfinish(self) -> None:
        Path(os.environ[DURATIONS_VARIABLE]).write_text(json.dumps(self._seconds))


def pytest_configure(config: pytest.Config) -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        config.pluginmanager.register(_Durations())
