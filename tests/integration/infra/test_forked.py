"""Programs that the tests fork behave like programs that they start."""

import os
import signal
import sys
from pathlib import Path

import psutil

from infra.stack.places import CHECKOUT
from tests.fixtures.forked import ForkedProgram, finished
from waypost.native.child import Child
from waypost.testing.eventually import eventually

WAITING = "tests.fixtures.waiting"


async def test_exit_code_and_both_outputs_are_returned() -> None:
    printed = await finished("waypost.cli", "--version", environment=os.environ)
    assert (printed.code, printed.output[:7], printed.problem) == (0, "waypost", "")
    refused = await finished("waypost.cli", "absent", environment=os.environ)
    assert (refused.code, refused.output) == (2, "")
    assert "absent" in refused.problem


async def test_program_has_only_the_given_environment() -> None:
    printed = await finished(WAITING, "environment", environment={"ONLY": "this"})
    assert printed.output == "{'ONLY': 'this'}\n"


async def test_signals_reach_the_program(tmp_path: Path) -> None:
    program = ForkedProgram(WAITING, log=tmp_path / "log", environment=os.environ)
    await program.start()
    assert program.running
    program.pause()
    await eventually(lambda: psutil.Process(program.pid).status() == psutil.STATUS_STOPPED)
    await program.stop()
    assert program.exit_code == -signal.SIGTERM


async def test_program_ends_with_its_tests(tmp_path: Path) -> None:
    starter = Child([sys.executable, "-m", WAITING, "fork"], log=tmp_path / "pid", directory=CHECKOUT)
    await starter.start()
    await eventually(lambda: (tmp_path / "pid").read_text().endswith("\n"), deadline_seconds=40)
    program = psutil.Process(int((tmp_path / "pid").read_text()))
    os.kill(starter.pid, signal.SIGKILL)
    await eventually(lambda: not program.is_running())
