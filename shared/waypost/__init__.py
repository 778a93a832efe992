"""The toolkit under the services. A tier may use those below it; `.importlinter` holds it to that.

testing                               the test kit
cli                                   the `waypost` command
hosting                               a service's declaration → its processes
web                                   the HTTP edge
jobs                                  background work, schedules, the tenant directory
engine | postgres | kafka | memory    how things run, and the ports' adapters; the engine knows none of them
native                                Kafka, PostgreSQL and Zipkin as processes of this machine
telemetry                             traces, metrics, logs
ports                                 what the engine needs of the outside
settings                              base of the typed settings that a process reads from its environment
project                               the application's names: the table `[tool.waypost]`
kernel                                words of the whole house
"""

VERSION = "0.1.0"
"""Of this distribution (PEP 440). Read by the build, `waypost --version` and `GET /version`."""
