"""The simulation finds bugs: each of these, planted in a copy of the project, breaks a promise in
one of the first schedules.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.copies import copy_project, importable
from tests.planted.bug import Bug, all_bugs

SCHEDULES = 600

FOUND = {
    "delete-before-the-ack",
    "followers-overtake-a-failed-version",
    "inbox-outside-the-transaction",
    "no-look-without-a-wakeup",
    "offset-before-the-database",
    "shards-without-a-heartbeat",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy_project(folder := tmp_path_factory.mktemp("project"))
    return folder


@pytest.mark.parametrize("bug", [bug for bug in all_bugs() if bug.name in FOUND], ids=lambda bug: bug.name)
def test_bug_breaks_a_promise(bug: Bug, project: Path) -> None:
    bug.put_in(project)
    ran = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--seed", "1", f"--schedules={SCHEDULES}", "--workers=1"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": importable(project)},
        capture_output=True,
        text=True,
        check=False,
    )
    bug.take_out(project)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "breaks a promise" in ran.stdout
