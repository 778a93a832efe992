"""Runs one of the programs beside this file, and reads what it logged."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from tests.fixtures.forked import finished

Lines = Sequence[Mapping[str, Any]]


async def run(program: str = "program", *arguments: str, **environment: str) -> tuple[Lines, str]:
    """The program's log lines, and all it wrote."""
    module = f"tests.integration.waypost.telemetry.{program}"
    done = await finished(module, *arguments, environment=os.environ | environment)
    written = done.output + done.problem
    assert done.code == 0, written
    return [json.loads(line) for line in written.splitlines()], written


def event(lines: Lines, name: str) -> Mapping[str, Any]:
    return next(each for each in lines if each["event"] == name)
