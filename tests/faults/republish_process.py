"""The republish command as a process that can be killed midway: `python -m … events republish …`,
with the failpoints of the environment variable.
"""

from importlib import import_module

from tests.fixtures.process_logs import log_plainly
from waypost.cli.main import main
from waypost.engine.failpoints import arm_failpoints

# The command imports its parts when it runs; the failpoint must be known before.
import_module("waypost.engine.republisher")

if __name__ == "__main__":
    log_plainly()
    arm_failpoints()
    main()
