"""Environment variables of every process, from the settings classes; and the values that only code
sets, from their defaults.
"""

from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from infra.reference.docstrings import attribute_docs
from infra.reference.markdown import code, page, table
from infra.services import SERVICES
from waypost.engine.consumer import ConsumerPolicy
from waypost.hosting.retention_sweeper import Retention
from waypost.hosting.settings import ApiSettings, JobSettings, LiveSettings, MigrateSettings, WorkerSettings
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.jobs.worker.loop import DEFAULTS
from waypost.postgres.provisioning.roles import LIMITS
from waypost.project import variable
from waypost.telemetry.tracing import VARIABLES

PROCESSES: Sequence[tuple[str, type[BaseSettings]]] = [
    ("Process `api`", ApiSettings),
    ("Process `worker`", WorkerSettings),
    ("Process `jobs`", JobSettings),
    ("Process `live`", LiveSettings),
    ("Process `migrate`", MigrateSettings),
]


def settings_page() -> str:
    sections = [_section(title, kind) for title, kind in [*PROCESSES, *_of_services()]]
    return page(
        "Settings",
        "Environment variables, per process. A process that misses one exits with code 2 and names it."
        " Each may be read from a file instead, which the same name with `_FILE` at its end names; see"
        " [encrypted connections](../guide/encrypted-connections.md#secrets-in-files)."
        " [Run in production](../guide/production.md#settings) describes the files that the `waypost` command reads.",
        *sections,
        _tracing(),
        _in_code(),
    )


def _tracing() -> str:
    rows = [(code(name), code(default) if default else "unset", meaning) for name, default, meaning in VARIABLES]
    return f"## Traces, every process\n\n{table(('variable', 'default', 'meaning'), rows)}"


def _in_code() -> str:
    worker, job, consumer, retention = DEFAULTS, Job(_nothing), ConsumerPolicy(), Retention()
    limits = ", ".join(f"{name} {value}" for name, value in LIMITS.items())
    rows = [
        (
            "slots of a job process",
            f"{worker.max_jobs}",
            "`JobWorkerSettings` of `waypost.jobs.worker`, an argument of `waypost.hosting.jobs.job_parts`",
        ),
        ("lease of a running job", f"{worker.lease_seconds:g} s", "the same"),
        (
            "slots of one job name, attempts, time-out, priority",
            f"all slots, {job.max_attempts}, {job.timeout_seconds:g} s, {job.priority}",
            "`Job(max_at_once=…, max_attempts=…, timeout_seconds=…, priority=…)` in the service's `JOBS`",
        ),
        (
            "time limit of the handlers of one transaction, size of a batch, and the other values of a consumer",
            f"{consumer.handler_seconds:g} s, {consumer.max_records} records",
            "`ConsumerPolicy` in `waypost.engine.consumer.policy`; its limits of dead letters per consumer are variables of the worker",
        ),
        (
            "open dead letters of a key, of a tenant",
            f"{consumer.max_dead_letters_per_key}, {consumer.max_dead_letters_per_tenant:,}",
            "the same",
        ),
        (
            "attempts and redrives of a dead letter",
            f"{consumer.retry.max_attempts}, {consumer.retry.max_redrives}",
            "`RetryPolicy` in `waypost.engine.retry`",
        ),
        (
            "age of processed message ids, stored responses, results, dead jobs, settled dead letters",
            ", ".join(
                f"{age.days} d"
                for age in (
                    retention.inbox,
                    retention.stored_responses,
                    retention.results,
                    retention.dead_jobs,
                    retention.dead_letters,
                )
            ),
            "`Retention` in `waypost.hosting.retention_sweeper`",
        ),
        (
            "time-outs of the roles `app`, `relay` and `ops`",
            limits,
            "`LIMITS` in `waypost.postgres.provisioning.roles`; the provisioning writes them into the server",
        ),
    ]
    note = (
        "No variable sets these values. A service that needs another one changes the toolkit's code; the processes as"
        " shipped pass the defaults."
    )
    return f"## Set in code\n\n{note}\n\n{table(('value', 'default', 'where'), rows)}"


async def _nothing(job: JobContext) -> None:
    """The handler of a job with every default."""


def _of_services() -> Iterator[tuple[str, type[BaseSettings]]]:
    """A service without external systems has no module `settings`."""
    for name, service in ((f"services.{service}.settings", service) for service in SERVICES):
        if find_spec(name) is None:
            continue
        module = import_module(name)
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, BaseSettings) and kind.__module__ == module.__name__:
                yield f"Service `{service}`", kind


def _section(title: str, kind: type[BaseSettings]) -> str:
    docs = attribute_docs(kind)
    rows = [
        (code(variable(name.upper())), _default(field), docs.get(name, "")) for name, field in kind.model_fields.items()
    ]
    return f"## {title}\n\n{table(('variable', 'default', 'meaning'), rows)}"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "unset"
    if isinstance(value, SecretStr):
        return "a secret"
    return code(str(value)) if isinstance(value, str | int | float | bool) else "see the code"
