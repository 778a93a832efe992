"""The processes of a service."""

from enum import StrEnum


class ServiceProcess(StrEnum):
    """`python -m services.<service> <process>`."""

    MIGRATE = "migrate"
    API = "api"
    WORKER = "worker"
    JOBS = "jobs"
    LIVE = "live"
