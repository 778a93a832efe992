"""`waypost jobs list|show|declared|retry|cancel|run`"""

from collections.abc import Mapping

import typer

from waypost.cli.commands import Entry, LazyCommands

COMMANDS: Mapping[str, Entry] = {
    "list": Entry(
        "waypost.cli.jobs.inspection",
        "list_jobs",
        "Lists queued, running and dead jobs, the latest first. With --tenant, also completed and cancelled ones.",
    ),
    "show": Entry(
        "waypost.cli.jobs.inspection",
        "show",
        "Shows one pending or finished job: arguments, attempts, outages, last error, result and trace.",
    ),
    "declared": Entry(
        "waypost.cli.jobs.declarations",
        "list_declared_jobs",
        "Lists the declared jobs: arguments (optional ones in brackets), attempts, timeout, schedule and next tick.",
    ),
    "retry": Entry(
        "waypost.cli.jobs.changes",
        "retry",
        "Queues dead jobs again, with zero attempts and the same idempotency key: one by its id, or all that match with --all.",
    ),
    "cancel": Entry(
        "waypost.cli.jobs.changes",
        "cancel",
        "Cancels a queued, running or dead job. A running job is stopped within ten seconds, and its result is dropped.",
    ),
    "run": Entry("waypost.cli.jobs.changes", "run", "Enqueues a job and prints its id."),
}


class JobCommands(LazyCommands):
    table = COMMANDS


commands = typer.Typer(cls=JobCommands, no_args_is_help=True, help="Background jobs: queued, running and dead.")
