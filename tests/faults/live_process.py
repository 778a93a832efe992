"""A live view in a separate process that a test kills: `python -m tests.faults.live_process`,
configured with the broker's address.
"""

import asyncio
import os

from services.billing.live.view import LiveView
from tests.fixtures.process_logs import log_plainly
from waypost.engine.failpoints import arm_failpoints
from waypost.engine.process import Process
from waypost.schemas.application import application_codec

if __name__ == "__main__":
    log_plainly()
    arm_failpoints()
    asyncio.run(Process([LiveView(os.environ["BOOTSTRAP"], application_codec())]).run())
