"""A job process of billing: `python -m tests.faults.charges_process`."""

import asyncio
import os
from pathlib import Path

from services.billing.app import SERVICE
from tests.faults.service_jobs import work
from waypost.testing.clock import MovableClock

DSN, LEASE_SECONDS, CLOCK_FILE = "CHARGES_DSN", "CHARGES_LEASE_SECONDS", "CHARGES_CLOCK_FILE"


async def main() -> None:
    clock = MovableClock(file=Path(os.environ[CLOCK_FILE]))
    await work(SERVICE, os.environ[DSN], clock, lease_seconds=float(os.environ[LEASE_SECONDS]))


if __name__ == "__main__":
    asyncio.run(main())
