"""A program of an arm is stopped with its children when its row ends early."""

import asyncio
import sys
from pathlib import Path

import psutil
import pytest

from bench.frame.programs import output_of, program
from waypost.testing.eventually import eventually

WITH_A_CHILD = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
try:
    child.wait()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


async def test_a_running_program_is_interrupted_and_its_child_ends() -> None:
    async with program(sys.executable, "-c", WITH_A_CHILD) as process:
        assert process.stdout
        child = psutil.Process(int(await process.stdout.readline()))
        assert child.is_running()
    assert process.returncode is not None
    psutil.wait_procs([child], timeout=10)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


async def test_a_cancelled_program_is_stopped(tmp_path: Path) -> None:
    place = tmp_path / "pid"
    code = f"import os, time; open({str(place)!r}, 'w').write(str(os.getpid()) + '.'); time.sleep(60)"
    waiting = asyncio.ensure_future(output_of(sys.executable, "-c", code))
    await eventually(lambda: written(place).endswith("."))
    started = psutil.Process(int(written(place)[:-1]))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not started.is_running()


def written(file: Path) -> str:
    return file.read_text() if file.exists() else ""


async def test_the_error_of_a_program_is_shown() -> None:
    with pytest.raises(AssertionError, match="no such queue"):
        await output_of(sys.executable, "-c", "raise ValueError('no such queue')")
