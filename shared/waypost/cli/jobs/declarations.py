"""`waypost jobs declared`"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from waypost.cli.jobs.inspection import ServiceOption
from waypost.cli.output import AsJson, console, moment, to_json
from waypost.cli.services import chosen_services
from waypost.hosting.service import Service
from waypost.jobs.declaration import Job
from waypost.jobs.parameter import Parameter


def declared(service: ServiceOption = None, as_json: AsJson = False) -> None:
    """Declared jobs: arguments (optional ones in brackets), attempts, time-out, schedule, next
    tick. Needs no running stack.
    """
    now = datetime.now(UTC)
    jobs = [_told(each, job, now) for each in chosen_services(service) for job in each.jobs]
    if as_json:
        console.print(to_json(jobs), soft_wrap=True)
        return
    for each in jobs:
        _show(each)


def _told(service: Service, job: Job, now: datetime) -> Mapping[str, Any]:
    return {
        "service": service.name,
        "name": job.name,
        "arguments": [_argument(*each) for each in job.parameters.items()],
        "max_attempts": job.max_attempts,
        "timeout_seconds": job.timeout_seconds,
        "schedule": [
            {"when": each.when, "next_tick": each.next_tick(now)} for each in service.schedule if each.job == job.name
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
    console.print(f"{job['service']}.{job['name']}({_in_words(job['arguments'])})", soft_wrap=True)
    attempts = "1 attempt" if job["max_attempts"] == 1 else f"{job['max_attempts']} attempts"
    console.print(f"    {attempts}, each of {job['timeout_seconds']:g} s at most")
    for each in job["schedule"]:
        console.print(f"    {each['when']}, next {moment(each['next_tick'])}", soft_wrap=True)


def _in_words(arguments: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(_typed(each) if each["required"] else f"[{_typed(each)}]" for each in arguments)


def _typed(argument: Mapping[str, Any]) -> str:
    return f"{argument['name']}: {argument['type']}{' | None' if argument['nullable'] else ''}"
