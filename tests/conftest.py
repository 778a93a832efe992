"""Fixtures of real servers. A server starts only for a test that requests its fixture."""

import os
import tempfile

from hypothesis import HealthCheck, settings

from infra.stack.places import inherited
from waypost.testing.folders import memory_folder

# Every process that a test starts imports this checkout, also a copy whose `.venv` is a link.
os.environ.update(inherited())

# The tests write many small files, each of which takes a millisecond of CPU on a disk.
if "TMPDIR" not in os.environ and (memory := memory_folder()):
    os.environ["TMPDIR"] = tempfile.tempdir = str(memory)

# How fast this machine is at the moment says nothing about the code.
settings.register_profile("waypost", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("waypost")

pytest_plugins = [
    "tests.fixtures.collection",  # first: it concerns the imports of the others
    "waypost.testing.plugin",
    "tests.fixtures.broker_cluster",
    "tests.fixtures.browser",
    "tests.fixtures.distribution",
    "tests.fixtures.plain_logs",
    "tests.fixtures.proxied_kafka",
    "tests.fixtures.club.stage",
    "tests.fixtures.club.operator",
    "tests.fixtures.secure_kafka",
    "tests.fixtures.shared_routes",
    "tests.fixtures.spans",
    "tests.fixtures.stack",
    "tests.fixtures.zipkin",
]
