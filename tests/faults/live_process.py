"""A live view in a process of its own that a test kills: `python -m tests.faults.live_process`, told where the broker is."""

import asyncio
import os

from schemas.codec import AvroCodec
from services.billing.live.view import LiveView
from shared.engine.failpoints import arm_failpoints
from shared.engine.process import Process

if __name__ == "__main__":
    arm_failpoints()
    asyncio.run(Process([LiveView(os.environ["BOOTSTRAP"], AvroCodec())]).run())
