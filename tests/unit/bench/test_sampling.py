"""Samples of a process show who called a statement in a greenlet."""

import sys
from pathlib import Path

from bench.frame.environment import environment, sampled
from bench.frame.profiles import parsed
from bench.frame.programs import output_of

PROGRAM = """
import asyncio, time
from sqlalchemy.util import await_only, greenlet_spawn

def busy():
    end = time.process_time() + 0.3
    while time.process_time() < end:
        pass

async def driver():
    await asyncio.sleep(0)
    busy()

def statement():
    busy()
    await_only(driver())

async def handler():
    await greenlet_spawn(statement)

asyncio.run(handler())
print("done")
"""


async def test_the_stack_of_a_greenlet_continues_with_its_caller(tmp_path: Path) -> None:
    with sampled(tmp_path):
        await output_of(sys.executable, "-c", PROGRAM)
    busy = [stack for stack in functions(tmp_path) if stack[-1] == "busy"]
    assert all(stack.index("handler") < stack.index("greenlet_spawn") for stack in busy)
    assert {stack[-2] for stack in busy} == {"statement", "driver"}


def functions(folder: Path) -> list[list[str]]:
    (file,) = folder.iterdir()
    return [[frame.split(" ")[0] for frame in stack] for stack in parsed(file.read_text())]


async def test_processes_are_sampled_only_while_asked(tmp_path: Path) -> None:
    with sampled(tmp_path):
        assert "sampling" in environment()["PYTHONPATH"]
    assert "sampling" not in environment()["PYTHONPATH"]
