"""Imports that the fork server of this checkout's stack does once for all processes."""

import waypost.devstack.preloaded as toolkit
from infra.stack.processes import SIMULATORS

toolkit.import_each([*(f"{module}.app" for module in SIMULATORS.values()), "infra.kafka.__main__"])
