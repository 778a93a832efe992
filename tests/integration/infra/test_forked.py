"""Programs that the tests fork behave like programs that they start."""

import os
import signal
import sys
from pathlib import Path

import psutil

from infra.stack.places import CHECKOUT, TOOLKIT
from tests.fixtures.forked import ForkedProgram, finished
from waypost.native.child import Child, importing
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


STARTER = """
import asyncio, os
from pathlib import Path
from waypost.native.forked import ForkedProgram, preload

async def printed() -> str:
    program = ForkedProgram("greeter", log=Path("printed"), environment=os.environ, directory=Path.cwd())
    await program.start()
    await program.wait()
    return Path("printed").read_text()

async def main() -> None:
    preload("greeting")
    await printed()
    os.link("greeting.py", "linked.py")
    await printed()
    Path("greeting.py").write_text("GREETING = 'newer'")
    await printed()

asyncio.run(main())
"""


async def test_program_whose_files_have_changed_runs_the_new_code_and_a_link_changes_none(tmp_path: Path) -> None:
    (tmp_path / "greeting.py").write_text("GREETING = 'old'")
    (tmp_path / "greeter.py").write_text(
        "import os, sys, greeting\nprint(greeting.GREETING, os.environ['HOME'], 'waypost.native.loaded_files' in sys.modules)"
    )
    environment = {**importing(tmp_path, CHECKOUT, TOOLKIT), "HOME": "home"}
    starter = Child([sys.executable, "-c", STARTER], log=tmp_path / "log", environment=environment, directory=tmp_path)
    await starter.start()
    assert await starter.wait() == 0, (tmp_path / "log").read_text()
    assert (tmp_path / "printed").read_text() == "old home True\nold home True\nnewer home False\n"


async def test_forked_programs_draw_different_ids() -> None:
    drawn = [(await finished(WAITING, "ids", environment=os.environ)).output for _ in range(2)]
    assert drawn[0] != drawn[1]
    assert all(one != other for one, other in zip(*map(str.split, drawn), strict=True))
