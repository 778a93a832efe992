"""A planted bug is seen by every process of its copy, the toolkit's part included."""

from tests.fixtures.copies import copy_project
from tests.planted.__main__ import ALL_PASSED, run_tests
from waypost.testing.folders import scratch_folder

PROBE = """
import subprocess
import sys
from pathlib import Path

import waypost

COPY = Path(__file__).parents[1]


def test_this_process_and_its_children_import_the_copy() -> None:
    program = "import services, waypost; print(services.__file__, waypost.__file__)"
    child = subprocess.run([sys.executable, "-c", program], cwd=COPY, capture_output=True, text=True, check=True)
    assert Path(waypost.__file__).is_relative_to(COPY)
    assert all(Path(each).is_relative_to(COPY) for each in child.stdout.split())
"""


def test_every_process_of_a_copy_imports_the_copy() -> None:
    with scratch_folder() as folder:
        copy_project(folder)
        (folder / "tests" / "test_probe.py").write_text(PROBE)
        tested = run_tests(folder, ["tests/test_probe.py"], stop_at_first=True)
    assert tested.code == ALL_PASSED, tested.output
