"""Programs that a test starts print their tracebacks as text."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PROGRAMS = sorted(file for file in TESTS.rglob("*.py") if '\nif __name__ == "__main__":' in file.read_text())
BY_HAND = {TESTS / name / "__main__.py" for name in ("planted", "faults/storm", "mutation", "simulation", "security")}
"""A person starts them, and reads their output."""
CONFIGURING = ("log_plainly()", "logging.configure(", "tests.faults.service_jobs import work", "hosting.main import run",
               "cli.main import main", "runpy.run_module(module")  # fmt: skip
"""Calls that configure the logs, programs of the product that do, and the start of another program,
which does.
"""


@pytest.mark.parametrize("file", PROGRAMS, ids=lambda file: str(file.relative_to(TESTS)))
def test_a_program_configures_its_logs(file: Path) -> None:
    """structlog's default renders all local variables of each frame, which blocks the process for
    seconds: a test of time limits then measures the log.
    """
    assert file in BY_HAND or any(call in file.read_text() for call in CONFIGURING)
