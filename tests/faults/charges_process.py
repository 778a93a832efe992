"""A job process of billing: `python -m tests.faults.charges_process`."""

import asyncio
import os
from pathlib import Path

from services.billing.app import SERVICE
from tests.faults.service_jobs import ClockOnTheWall, work

DSN, LEASE_SECONDS, AHEAD_SECONDS = "CHARGES_DSN", "CHARGES_LEASE_SECONDS", "CHARGES_AHEAD_SECONDS"


async def main() -> None:
    clock = ClockOnTheWall(Path(os.environ[AHEAD_SECONDS]))
    await work(SERVICE, os.environ[DSN], clock, lease_seconds=float(os.environ[LEASE_SECONDS]))


if __name__ == "__main__":
    asyncio.run(main())
