"""`make planted`: plants each bug in a copy of the project, one at a time, and checks that the
tests find it.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fixtures.copies import copy_project, importable
from tests.planted.bug import Bug, all_bugs
from waypost.testing.folders import scratch_folder

ALL_PASSED, SOME_FAILED = 0, 1
"""Exit codes of pytest for passed and failed; any other means that it could not run the tests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    code: int
    failure: str
    """The line that names the first failed test."""
    output: str


def main() -> int:
    bugs = _chosen()
    with scratch_folder() as folder:
        copy_project(folder)
        print(f"{len(bugs)} bugs; first, the tests that are to find them pass without any …", flush=True)
        control = run_tests(folder, sorted({test for bug in bugs for test in bug.found_by}), stop_at_first=False)
        if control.code != ALL_PASSED:
            print(f"{control.output}\nthey do not pass, so a failure with a bug would prove nothing")
            return 1
        found = sum([_is_found(bug, folder) for bug in bugs])
    print(f"found {found} of {len(bugs)} planted")
    return 0 if found == len(bugs) else 1


def _chosen() -> Sequence[Bug]:
    known = {bug.name: bug for bug in all_bugs()}
    parser = argparse.ArgumentParser(prog="make planted", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    names = parser.parse_args().names
    if unknown := [name for name in names if name not in known]:
        parser.error(f"there is no bug {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in names] if names else list(known.values())


def _is_found(bug: Bug, folder: Path) -> bool:
    bug.put_in(folder)
    began = time.monotonic()
    tested = run_tests(folder, bug.found_by, stop_at_first=True)
    bug.take_out(folder)
    found = tested.code == SOME_FAILED
    print(f"{'✓' if found else '✗'} {bug.name}  {time.monotonic() - began:.0f} s\n    {bug.what}", flush=True)
    print(f"    {tested.failure if found else 'NOT FOUND: ' + _why_not(tested)}", flush=True)
    return found


def _why_not(tested: Tested) -> str:
    return "every test passed" if tested.code == ALL_PASSED else f"the tests could not run\n{tested.output}"


def run_tests(folder: Path, tests: Sequence[str], *, stop_at_first: bool) -> Tested:
    options = ["--maxfail=1"] if stop_at_first else []
    command = [".venv/bin/python", "-m", "pytest", "-q", "-rfE", "--tb=no", "-p", "no:cacheprovider", *options, *tests]
    environment = {**os.environ, "PYTHONPATH": importable(folder)}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    failures = [line for line in ran.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return Tested(code=ran.returncode, failure=failures[0] if failures else "", output=ran.stdout + ran.stderr)


if __name__ == "__main__":
    sys.exit(main())
