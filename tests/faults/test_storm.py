"""A short storm, like `make faults`: parts of the system are killed under load, including Kafka and
PostgreSQL.
"""

import sys
from pathlib import Path

import pytest

from infra.stack.places import CHECKOUT, inherited
from tests.fixtures.ports import free_port_base
from waypost.native.child import Child

# The same faults on every run, so that a broken promise is caused by the commit and not by luck.
# `make faults` uses random ones.
KILLS, SEED = 9, 8

# A whole system starts, is killed, restarts and recovers, on any number of cores.
pytestmark = pytest.mark.timeout(900)


async def test_no_promise_is_broken_by_kills_under_load(tmp_path: Path) -> None:
    options = {"--kills": KILLS, "--seed": SEED, "--port-base": free_port_base()}
    words = [str(word) for option in options.items() for word in option]
    log = tmp_path / "storm.log"
    storm = Child(
        [sys.executable, "-m", "tests.faults.storm", *words], log=log, environment=inherited(), directory=CHECKOUT
    )
    await storm.start()
    try:
        code = await storm.wait()
    finally:
        await storm.stop(60)
    assert code == 0, log.read_text()
    assert f"no kill of {KILLS} broke a promise" in log.read_text()
