"""The republish command as a process that can be killed midway: `python -m … events republish …`,
with the failpoints of the environment variable.
"""

from waypost.cli.main import main
from waypost.engine.failpoints import arm_failpoints

if __name__ == "__main__":
    arm_failpoints()
    main()
