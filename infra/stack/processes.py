"""The processes of a stack, independent of how they are run."""

from infra import services
from infra.stack.places import CHECKOUT
from waypost.hosting.processes import ServiceProcess

SIMULATORS = {
    "mail": "infra.simulators.inbox",
    "payments": "infra.simulators.payments",
    "registry": "infra.registry",
    "start-page": "infra.start_page",
}
"""Processes that are not services, and their modules: the simulators, the schema registry, the
start page.
"""


def services_here() -> list[str]:
    """Services that this checkout contains; it may contain only some of them."""
    return [service for service in services.SERVICES if (CHECKOUT / "services" / service / "__main__.py").exists()]


def processes_of(service: str) -> list[ServiceProcess]:
    """Every service has three; one with a `live` package also has a process for its live view."""
    live = (CHECKOUT / "services" / service / "live").exists()
    return [ServiceProcess.API, ServiceProcess.WORKER, ServiceProcess.JOBS, *([ServiceProcess.LIVE] if live else [])]
