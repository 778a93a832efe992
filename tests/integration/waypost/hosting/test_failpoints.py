"""Every process of a service arms and logs the failpoints that its settings name, and refuses an
unknown failpoint.
"""

import subprocess
import sys

import pytest

from infra.stack.places import CHECKOUT, inherited
from waypost.engine.failpoints import VARIABLE


@pytest.mark.parametrize(("process", "point"), [("api", "write.after_events"), ("worker", "relay.after_ack")])
def test_a_misspelt_point_is_refused_with_those_there_are(process: str, point: str) -> None:
    refused = started(process, "relay.after_akc=kill")
    assert refused.returncode == 2
    assert f"users {process}: {VARIABLE}: there is no failpoint 'relay.after_akc'" in refused.stderr
    assert point in refused.stderr


def test_an_armed_point_is_warned_of() -> None:
    assert '"failpoint":"write.after_events","action":"kill"' in started("api", "write.after_events=kill").stdout
    assert "failpoint" not in started("api", "").stdout


def started(process: str, failpoints: str) -> "subprocess.CompletedProcess[str]":
    """Without the settings that it needs: after its failpoints it says what is missing, and
    ends.
    """
    environment = {**inherited(), VARIABLE: failpoints}
    command = [sys.executable, "-m", "services.users", process]
    return subprocess.run(command, env=environment, cwd=CHECKOUT, capture_output=True, text=True, timeout=50)
