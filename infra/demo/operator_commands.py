"""Runs operator commands and returns their reports."""

import asyncio
import json
from typing import Any

from infra.demo.step_printer import NotObserved
from infra.stack.addresses import Addresses


async def rebuild_recipients(stack: Addresses) -> dict[str, Any]:
    """`waypost projections rebuild notifications.recipients --json` against this stack. Raises
    NotObserved when it fails.
    """
    report: dict[str, Any] = json.loads(
        await output_of(stack, "projections", "rebuild", "notifications.recipients", "--json")
    )
    return report


async def trace_tree(stack: Addresses, event_id: str) -> str:
    """Output of `waypost trace`: events, consumers and tenants as a tree. Raises NotObserved when
    it fails.
    """
    return await output_of(stack, "trace", event_id)


async def output_of(stack: Addresses, *arguments: str) -> str:
    command = stack.waypost(*arguments)
    process = await asyncio.create_subprocess_exec(
        *command.words,
        env=command.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, problem = await process.communicate()
    if process.returncode != 0:
        raise NotObserved(f"`waypost {' '.join(arguments)}` failed: {problem.decode().strip()}")
    return output.decode()
