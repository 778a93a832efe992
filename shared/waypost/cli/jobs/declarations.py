"""`waypost jobs declared`"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from waypost.cli.jobs.inspection import ServiceOption
from waypost.cli.output import AsJson, console, moment, present
from waypost.cli.services import chosen_services
from waypost.hosting.service import Service
from waypost.jobs.declaration import Job
from waypost.jobs.parameter import Parameter


def list_declared_jobs(service: ServiceOption = None, as_json: AsJson = False) -> None:
    """Lists the declared jobs: arguments (optional ones in brackets), attempts, timeout, schedule
    and next tick.

    Needs no running system.
    """
    now = datetime.now(UTC)
    jobs = [_as_dict(declaring, job, now) for declaring in chosen_services(service) for job in declaring.jobs]

    def text() -> None:
        for job in jobs:
            _show(job)

    present(jobs, text, as_json=as_json)


def _as_dict(service: Service, job: Job, now: datetime) -> Mapping[str, Any]:
    return {
        "service": service.name,
        "name": job.name,
        "arguments": [_argument(name, parameter) for name, parameter in job.parameters.items()],
        "max_attempts": job.max_attempts,
        "timeout_seconds": job.timeout_seconds,
        "priority": job.priority,
        "max_at_once": job.max_at_once,
        "schedule": [
            {"when": scheduled.when, "next_tick": scheduled.next_tick(now)}
            for scheduled in service.schedule
            if scheduled.job == job.name
        ],
    }


def _argument(name: str, parameter: Parameter) -> Mapping[str, Any]:
    return {
        "name": name,
        "type": parameter.type_name,
        "nullable": parameter.nullable,
        "required": parameter.required,
    }


def _show(job: Mapping[str, Any]) -> None:
    console.print(f"{job['service']}.{job['name']}({_signature(job['arguments'])})", soft_wrap=True)
    attempts = "1 attempt" if job["max_attempts"] == 1 else f"{job['max_attempts']} attempts"
    console.print(f"    {attempts}, timeout {job['timeout_seconds']:g} s")
    if slots := _slots(job):
        console.print(f"    {slots}")
    for scheduled in job["schedule"]:
        console.print(f"    {scheduled['when']}, next {moment(scheduled['next_tick'])}", soft_wrap=True)


def _slots(job: Mapping[str, Any]) -> str:
    priority = f"priority {job['priority']}" if job["priority"] else ""
    limit = f"at most {job['max_at_once']} at once in a process" if job["max_at_once"] else ""
    return ", ".join(filter(None, (priority, limit)))


def _signature(arguments: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(_typed(argument) if argument["required"] else f"[{_typed(argument)}]" for argument in arguments)


def _typed(argument: Mapping[str, Any]) -> str:
    return f"{argument['name']}: {argument['type']}{' | None' if argument['nullable'] else ''}"
