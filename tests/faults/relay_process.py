"""A relay in a separate process: `python -m tests.faults.relay_process`, configured by its
environment with the servers' addresses.
"""

import asyncio
import os

from tests.fixtures.process_logs import log_plainly
from waypost.engine.failpoints import arm_failpoints
from waypost.engine.process import Process
from waypost.engine.relay import Relay
from waypost.engine.wakeups import LocalWakeups, WakeupListener
from waypost.kafka.producer import KafkaBroker
from waypost.postgres.listen import PostgresListener
from waypost.postgres.outbox.lease import PostgresOutbox


async def main() -> None:
    dsn, bootstrap = os.environ["OUTBOX_DSN"], os.environ["BOOTSTRAP"]
    log_plainly()
    arm_failpoints()
    wakeups = LocalWakeups()
    listener = WakeupListener(PostgresListener(dsn, ["outbox"], wakeups.wake, application_name="waypost-listener"))
    relay = Relay(PostgresOutbox(dsn), KafkaBroker(bootstrap), wakeups)
    await Process([listener, relay]).run()


if __name__ == "__main__":
    asyncio.run(main())
