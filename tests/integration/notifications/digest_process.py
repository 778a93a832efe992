"""A job process of notifications that takes one user a page: `python -m tests.integration.notifications.digest_process`."""

import asyncio
import os
from pathlib import Path

from services.notifications.app import SERVICE
from services.notifications.jobs import digest
from tests.faults.service_jobs import ClockOnTheWall, work

DSN, AHEAD_SECONDS = "DIGEST_DSN", "DIGEST_AHEAD_SECONDS"


async def main() -> None:
    digest.AT_ONCE = 1
    await work(SERVICE, os.environ[DSN], ClockOnTheWall(Path(os.environ[AHEAD_SECONDS])), lease_seconds=0.6)


if __name__ == "__main__":
    asyncio.run(main())
