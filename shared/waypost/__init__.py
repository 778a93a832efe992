"""The toolkit under the services. A layer may import only the layers below it; `.importlinter`
checks this.

testing                               the test kit
cli                                   the `waypost` command
hosting                               a service's declaration → its processes
web                                   the HTTP edge
jobs                                  background jobs, schedules, the tenant directory
engine | postgres | kafka | memory    runtime components, and the adapters of the ports; the engine imports none of them
native                                Kafka, PostgreSQL and Zipkin as processes of this machine
telemetry                             traces, metrics, logs
ports                                 interfaces that the engine requires
settings                              base of the typed settings that a process reads from its environment
project                               the application's names: the table `[tool.waypost]`
kernel                                types that all layers share
"""

VERSION = "0.1.0"
"""Version of this distribution (PEP 440). Read by the build, `waypost --version` and `GET
/version`.
"""
