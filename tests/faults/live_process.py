"""`python -m tests.faults.live_process live`: the live view as it is run, with its failpoints armed."""

import services.billing.live.view  # noqa: F401 - registers them
from services.billing.app import SERVICE
from shared.engine.failpoints import arm_failpoints
from shared.hosting.main import run

if __name__ == "__main__":
    arm_failpoints()
    run(SERVICE)
