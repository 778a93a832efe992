"""What can go wrong before the stack runs. Each error says the step, the reason and what to do
about it.
"""

from pathlib import Path

from waypost.kernel.errors import WaypostError


class SetUpFailed(WaypostError):
    """A step of the set-up failed; `remedy` is a sentence for the person at the terminal, `log`
    where the details are.
    """

    def __init__(self, step: str, reason: str, remedy: str, log: Path | None = None) -> None:
        self.step, self.reason, self.remedy, self.log = step, reason, remedy, log
        details = f"\n  log: {log}" if log else ""
        super().__init__(f"{step} failed: {reason}\n  remedy: {remedy}{details}", step=step, reason=reason)


class StartFailed(WaypostError):
    """A process ended, or did not answer in time, while it was started."""


def last_lines(log: Path, count: int = 12) -> str:
    """The end of a log file, for a message about the process that wrote it."""
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
