"""Exit codes of processes: a supervisor that restarts failed processes must see each failure."""

import sys
from pathlib import Path

import pytest

from infra.stack.places import CHECKOUT, inherited
from waypost.native.child import Child
from waypost.native.ports import LOOPBACK, free_ports

FAILED, REFUSED = 1, 2


async def exit_code(role: str, folder: Path, settings: dict[str, str]) -> tuple[int, str]:
    """The exit code of the program, and its output."""
    command = [sys.executable, "-m", "tests.fixtures.failing_server", role]
    environment = {**inherited(), "OTEL_TRACES_EXPORTER": "none", **settings}
    process = Child(command, log=folder / "process.log", environment=environment, directory=CHECKOUT)
    await process.start()
    try:
        return await process.wait(), process.log.read_text()
    finally:
        await process.kill()


@pytest.mark.parametrize("role", ["live", "simulator"])
async def test_a_process_whose_server_fails_ends_with_an_error(role: str, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    settings = {"WAYPOST_SERVICE_PORT": str(port), "WAYPOST_KAFKA_BOOTSTRAP": f"{LOOPBACK}:1"}
    code, output = await exit_code(role, tmp_path, settings)
    assert code == FAILED, output
    assert "accept failed" in output
    assert "ended without being asked to" in output


async def test_a_process_that_cannot_start_has_another_exit_code(tmp_path: Path) -> None:
    code, output = await exit_code("live", tmp_path, {})
    assert code == REFUSED, output
    assert "KAFKA_BOOTSTRAP" in output
