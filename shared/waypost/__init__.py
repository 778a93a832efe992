"""The Waypost toolkit, from the highest layer to the lowest; `.importlinter` defines the layers.

testing             test kit for applications: PostgreSQL, Kafka, service hosts, fixtures
cli                 the `waypost` command
devstack            `waypost dev`: runs an application on the local machine
generator           `waypost new`: a project and services from templates
hosting             composition root: builds a service's processes from its declaration
web                 HTTP: routes, problem documents, idempotency, pagination, operator routes
operations          operator actions: dead letters, jobs, outbox, replay, audit
jobs                background jobs, schedules, the tenant directory
engine              command bus, relay, consumers, retries, rebuilds; uses ports only
postgres            adapters: event store, outbox, inbox, dead letters, migrations
kafka               adapters: producer, subscription, topic log
memory              in-memory adapters for unit tests
schemas             Avro event schemas: lint, lock, generated classes, codec
native              Kafka, PostgreSQL and Zipkin as local processes, for development and tests
telemetry           traces, metrics, logs
ports               protocols that the engine needs; every adapter passes `tests/contracts`
settings            base of the typed settings that a process reads from its environment
project             the application's names, from the table `[tool.waypost]`
kernel              events, aggregates, errors, ids, money: no I/O, standard library only
"""

VERSION = "0.1.0"
"""Version of this distribution (PEP 440). Read by the build, `waypost --version` and `GET
/version`.
"""
