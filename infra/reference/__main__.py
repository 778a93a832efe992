"""`python -m infra.reference write|check`: writes the pages, or exits 1 and names each page that
differs from the code.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from infra.reference.commands import commands_page
from infra.reference.doctor import doctor_page
from infra.reference.errors import errors_page
from infra.reference.events import events_page
from infra.reference.log_events import log_events_page
from infra.reference.metrics import metrics_page
from infra.reference.retention import retention_page
from infra.reference.settings import settings_page
from infra.stack.places import CHECKOUT
from waypost.kernel.errors import Misconfigured

FOLDER = CHECKOUT / "docs" / "reference"


def pages() -> Mapping[Path, str]:
    """Maps each page's path to its text. Equal code gives equal bytes."""
    return {
        FOLDER / "settings.md": settings_page(),
        FOLDER / "metrics.md": metrics_page(),
        FOLDER / "log-events.md": log_events_page(),
        FOLDER / "errors.md": errors_page(),
        FOLDER / "commands.md": commands_page(),
        FOLDER / "events.md": events_page(),
        FOLDER / "retention.md": retention_page(),
        FOLDER / "doctor.md": doctor_page(),
    }


def main(verb: str) -> int:
    try:
        return write_or_check(verb)
    except Misconfigured as incomplete:
        print(incomplete, file=sys.stderr)
        return 1


def write_or_check(verb: str) -> int:
    if verb == "write":
        FOLDER.mkdir(parents=True, exist_ok=True)
        for path, text in pages().items():
            path.write_text(text, encoding="utf-8")
        return 0
    stale = [path for path, text in pages().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        print(f"{path.relative_to(CHECKOUT)} differs from the code: run `make reference`")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
