"""Runs one of the programs beside this file, and reads what it logged."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

Lines = Sequence[Mapping[str, Any]]


async def run(program: str = "program", *arguments: str, **environment: str) -> tuple[Lines, str]:
    """The program's log lines, and all it wrote."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"tests.integration.waypost.telemetry.{program}", *arguments),
        env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    written, _ = await process.communicate()
    assert process.returncode == 0, written.decode()
    return [json.loads(line) for line in written.splitlines()], written.decode()


def event(lines: Lines, name: str) -> Mapping[str, Any]:
    return next(each for each in lines if each["event"] == name)
