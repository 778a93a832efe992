"""Real parts for every test that asks for them by name; nothing is started for those that do not."""

pytest_plugins = [
    "tests.fixtures.kafka",
    "tests.fixtures.postgres",
    "tests.fixtures.database",
    "tests.fixtures.club.stage",
    "tests.fixtures.hosted",
    "tests.fixtures.spans",
]
