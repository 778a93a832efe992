"""Which processes of ours a stack has, however they are run."""

from infra import services
from infra.stack.places import CHECKOUT
from waypost.hosting.processes import ServiceProcess

SIMULATORS = {
    "mail": "infra.simulators.inbox",
    "payments": "infra.simulators.payments",
    "registry": "infra.registry",
    "start-page": "infra.start_page",
}
"""Processes beside the services, and their modules: the simulated outside world, the schema
registry, the start page.
"""


def services_here() -> list[str]:
    """Services whose folder can be run: a checkout may hold some of them."""
    return [service for service in services.SERVICES if (CHECKOUT / "services" / service / "__main__.py").exists()]


def processes_of(service: str) -> list[ServiceProcess]:
    """Every service has three; one with a `live` room has a process for its live view besides."""
    live = (CHECKOUT / "services" / service / "live").exists()
    return [ServiceProcess.API, ServiceProcess.WORKER, ServiceProcess.JOBS, *([ServiceProcess.LIVE] if live else [])]
