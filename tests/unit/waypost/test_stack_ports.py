"""Ports of a project's stack."""

from waypost.devstack.ports import MAX_SERVICES, PLATFORM, WIDTH, Ports
from waypost.hosting.processes import ServiceProcess
from waypost.testing.ports import MARGIN


def test_no_two_processes_share_a_port_and_all_are_reserved() -> None:
    ports = Ports([f"service{number}" for number in range(MAX_SERVICES)], base=9000)
    serving = [process for process in ServiceProcess if process is not ServiceProcess.MIGRATE]
    used = [
        *map(ports.of, PLATFORM),
        *(ports.of_process(service, process) for service in ports.services for process in serving),
        *map(ports.of_management, ports.services),
    ]
    assert len(set(used)) == len(used)
    assert max(used) < ports.base + WIDTH
    assert WIDTH <= MARGIN
