"""Errors of the set-up and of starts. Each names the step, the reason and the remedy."""

from pathlib import Path

from waypost.kernel.errors import WaypostError


class SetUpFailed(WaypostError):
    """A step of the set-up failed. `remedy` is an instruction for the user; `log` is the file with
    details.
    """

    def __init__(self, step: str, reason: str, remedy: str, log: Path | None = None) -> None:
        self.step, self.reason, self.remedy, self.log = step, reason, remedy, log
        details = f"\n  log: {log}" if log else ""
        super().__init__(f"{step} failed: {reason}\n  remedy: {remedy}{details}", step=step, reason=reason)


class StartFailed(WaypostError):
    """A process ended during its start, or did not answer in time."""


def last_lines(log: Path, count: int = 12) -> str:
    """The last lines of a log file, for an error about the process that wrote it."""
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
