"""The users of a service's processes in Kafka."""

from collections.abc import Sequence

from waypost.hosting.processes import ServiceProcess

COMMAND = "command"
KAFKA_PROCESSES = (ServiceProcess.API, ServiceProcess.WORKER, ServiceProcess.LIVE)


def user_of(service: str, process: str) -> str:
    """The user of a process in Kafka: `billing-worker`."""
    return f"{service}-{process}"


def kafka_users(services: Sequence[str]) -> Sequence[str]:
    """The users of all processes that connect to Kafka."""
    return [user_of(service, process) for service in services for process in (*KAFKA_PROCESSES, COMMAND)]
