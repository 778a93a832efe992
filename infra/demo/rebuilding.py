"""The command an operator would type, and its report."""

import asyncio
import json
from typing import Any

from infra.demo.step_printer import NotObserved
from infra.stack.addresses import Addresses


async def rebuild_recipients(stack: Addresses) -> dict[str, Any]:
    """`waypost projections rebuild notifications.recipients --json` against this stack. Raises NotObserved when it fails."""
    command = stack.waypost("projections", "rebuild", "notifications.recipients", "--json")
    process = await asyncio.create_subprocess_exec(
        *command.words,
        env=command.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, problem = await process.communicate()
    if process.returncode != 0:
        raise NotObserved(f"the rebuild failed: {problem.decode().strip()}")
    report: dict[str, Any] = json.loads(output)
    return report
