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
kernel                                words of the whole house
"""
