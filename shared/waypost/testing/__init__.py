"""The test kit for aggregates, handlers and whole services, with in-memory ports or real servers.

| module | content |
|---|---|
| `aggregates` | `given(Aggregate, events).when(...).then(events)` |
| `memory` | in-memory units of work, event store, inbox, outbox, broker and wake-ups |
| `clock` | `MovableClock`: a fixed or running clock that a test moves |
| `envelopes` | `envelope_of(event)`, `record_of(envelope)` |
| `eventually` | waits for a condition, and fails with its last value |
| `tokens` | bearer tokens of any tenant, role or operator |
| `hosted` | `HostedService`: a whole service in the test's process, from its composition root |
| `plugin` | the fixtures; a `conftest.py` sets `pytest_plugins = ["waypost.testing.plugin"]` |

The real servers are one Kafka and one PostgreSQL per session, on free ports, in a temporary folder.

| fixture | scope | value |
|---|---|---|
| `kafka` | session | bootstrap address; each test creates its topics, with unique names |
| `postgres` | session | DSN of the superuser |
| `database` | function | `await database("users")`: a migrated database, copied from a template |
| `clock` | function | a `MovableClock` |
| `host` | function | `await host(SERVICE)`: a `HostedService` with a new database |
| `own_kafka`, `own_postgres` | function | a separate server: `kill()`, `pause()`, `stop()` |

They run as processes on this machine (`waypost.native`), or with WAYPOST_TEST_BACKEND=containers in
containers, which the reaper of testcontainers removes. There is no fallback between the two. No
process outlives the test run, even if SIGKILL ends pytest.

Install it with `pip install waypost[testing]`.
"""

from waypost.testing.aggregates import given
from waypost.testing.clock import MovableClock
from waypost.testing.envelopes import envelope_of, record_of
from waypost.testing.eventually import eventually

__all__ = ["MovableClock", "envelope_of", "eventually", "given", "record_of"]
