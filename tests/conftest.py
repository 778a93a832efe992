"""Real parts for every test that asks for them by name; nothing is started for those that do not."""

from hypothesis import HealthCheck, settings

# How fast this machine is at the moment says nothing about the code.
settings.register_profile("waypost", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("waypost")

pytest_plugins = [
    "tests.fixtures.browser",
    "tests.fixtures.kafka",
    "tests.fixtures.plain_logs",
    "tests.fixtures.ports",
    "tests.fixtures.postgres",
    "tests.fixtures.database",
    "tests.fixtures.club.stage",
    "tests.fixtures.club.commanding",
    "tests.fixtures.hosted",
    "tests.fixtures.spans",
    "tests.fixtures.stack",
    "tests.fixtures.zipkin",
]
