"""Every process of a service arms and logs the failpoints that its settings name, and refuses an
unknown failpoint.
"""

import pytest

from infra.stack.places import inherited
from tests.fixtures.forked import Finished, finished
from waypost.engine.failpoints import VARIABLE


@pytest.mark.parametrize(("process", "point"), [("api", "write.after_events"), ("worker", "relay.after_ack")])
async def test_a_misspelt_point_is_refused_with_those_there_are(process: str, point: str) -> None:
    refused = await started(process, "relay.after_akc=kill")
    assert refused.code == 2
    assert f"users {process}: {VARIABLE}: there is no failpoint 'relay.after_akc'" in refused.problem
    assert point in refused.problem


async def test_an_armed_point_is_warned_of() -> None:
    armed, unarmed = await started("api", "write.after_events=kill"), await started("api", "")
    assert '"failpoint":"write.after_events","action":"kill"' in armed.output
    assert "failpoint" not in unarmed.output


async def started(process: str, failpoints: str) -> Finished:
    """Without the settings that it needs: after its failpoints it says what is missing, and
    ends.
    """
    return await finished("services.users", process, environment={**inherited(), VARIABLE: failpoints})
