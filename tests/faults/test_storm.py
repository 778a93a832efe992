"""A short storm, like `make faults`: parts of the system are killed, frozen and disconnected under
load, including Kafka and PostgreSQL.
"""

import sys
from pathlib import Path

import pytest

from infra.stack.places import CHECKOUT, inherited
from tests.faults.storm.schedule import scheduled
from tests.fixtures.ports import free_port_base
from waypost.native.child import Child

# The same faults on every run, so that a broken promise is caused by the commit and not by luck.
# `make faults` uses random ones.
KILLS, SEED = 9, 8

# A whole system starts, is killed, restarts and recovers, on any number of cores.
pytestmark = pytest.mark.timeout(900)


async def test_no_promise_is_broken_by_faults_under_load(tmp_path: Path) -> None:
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
    printed = log.read_text()
    assert f"{KILLS} kills by target" in printed
    assert f"no fault of {len(scheduled(SEED, KILLS))} broke a promise or needed an intervention" in printed
