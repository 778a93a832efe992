"""The test kit: aggregates, handlers and whole services under test, on ports in memory or on real
parts.

| module | content |
|---|---|
| `aggregates` | `given(Aggregate, events).when(...).then(events)` |
| `memory` | units of work, event store, inbox, outbox, broker and doorbell in memory |
| `clock` | `MovableClock`: stands still or runs, and moves when a test says so |
| `envelopes` | `envelope_of(event)`, `record_of(envelope)` |
| `eventually` | waits for a condition, and fails with its last value |
| `tokens` | bearer tokens of any tenant, role or operator |
| `hosted` | `HostedService`: a whole service in the test's process, from its composition root |
| `plugin` | the fixtures; a `conftest.py` says `pytest_plugins = ["waypost.testing.plugin"]` |

The real parts are Kafka and PostgreSQL, one of each per session, on free ports, in a temporary
folder.

| fixture | scope | value |
|---|---|---|
| `kafka` | session | bootstrap address; each test creates topics of its own (unique names) |
| `postgres` | session | DSN of the superuser |
| `database` | function | `await database("users")`: a migrated database, copied from a template |
| `clock` | function | a `MovableClock` |
| `host` | function | `await host(SERVICE)`: a `HostedService` with a database of its own |
| `own_kafka`, `own_postgres` | function | a separate server: `kill()`, `pause()`, `stop()` |

They run as processes of this machine (`waypost.native`). With WAYPOST_TEST_BACKEND=containers they
run in containers, through testcontainers, whose reaper ends them. There is no fallback from one to
the other. No process outlives the test run, even when pytest is killed with SIGKILL.

The kit is installed with `pip install waypost[testing]`.
"""

from waypost.testing.aggregates import given
from waypost.testing.clock import MovableClock
from waypost.testing.envelopes import envelope_of, record_of
from waypost.testing.eventually import eventually

__all__ = ["MovableClock", "envelope_of", "eventually", "given", "record_of"]
