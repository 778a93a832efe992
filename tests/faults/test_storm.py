"""A short storm, as `make faults` runs it: parts of the system are killed under load, Kafka and
PostgreSQL among them.
"""

import sys
from pathlib import Path

import pytest

from infra.stack.places import CHECKOUT, inherited
from tests.fixtures.ports import free_port_base
from waypost.native.child import Child

# The same faults every time: a commit that breaks a promise is told from one that had good luck.
# `make faults` draws others.
KILLS, SEED = 9, 8

# A whole system starts, is killed to pieces, starts again and settles, on as many cores as there
# are.
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
