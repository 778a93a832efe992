"""A job process of notifications with one user per page: `python -m
tests.integration.notifications.digest_process`.
"""

import asyncio
import os
from pathlib import Path

from services.notifications.app import SERVICE
from services.notifications.jobs import digest
from tests.faults.service_jobs import work
from waypost.testing.clock import MovableClock

DSN, CLOCK_FILE = "DIGEST_DSN", "DIGEST_CLOCK_FILE"


async def main() -> None:
    digest.PAGE_SIZE = 1
    await work(SERVICE, os.environ[DSN], MovableClock(file=Path(os.environ[CLOCK_FILE])), lease_seconds=0.6)


if __name__ == "__main__":
    asyncio.run(main())
