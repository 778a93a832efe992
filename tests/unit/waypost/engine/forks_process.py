"""Runs jobs in forks until it is killed: `python -m …`, configured by JOBS."""

import asyncio
import json
import os
from functools import partial
from pathlib import Path

from tests.fixtures.process_logs import log_plainly
from tests.unit.waypost.engine.test_forks import waits_for_ever
from waypost.engine.rebuild.forks import in_forks

if __name__ == "__main__":
    log_plainly()
    Path(os.environ["PARENT"]).write_text(f"{os.getpid()}\n")
    jobs = [partial(waits_for_ever, Path(path)) for path in json.loads(os.environ["JOBS"])]
    asyncio.run(in_forks(jobs, lambda _: None))
