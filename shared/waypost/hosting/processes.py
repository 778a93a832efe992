"""The processes of a service."""

from enum import StrEnum


class ServiceProcess(StrEnum):
    """`python -m services.<service> <process>`."""

    MIGRATE = "migrate"
    API = "api"
    WORKER = "worker"
    JOBS = "jobs"
    LIVE = "live"


REPLACED_IN_ORDER = (ServiceProcess.LIVE, ServiceProcess.API, ServiceProcess.JOBS, ServiceProcess.WORKER)
"""The order in which a release replaces the processes of one service: readers before writers. A
live view reads what all others publish, an API shows the rows and streams of jobs and handlers, and
jobs execute what handlers enqueue. A service follows the services that consume its events.
"""
