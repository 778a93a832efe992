"""A background task must not fail silently: each runs on `PeriodicLoop`, or is listed here with its
reason.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
ALLOWED = {
    "shared/waypost/devstack/supervision.py": "of the development stack; the supervisor's end is awaited",
    "shared/waypost/devstack/supervisor.py": "of the development stack; one task per component, awaited at the stop",
    "shared/waypost/engine/periodic_loop.py": "the loop itself",
    "shared/waypost/engine/consumer/dead_letters/retry_timer.py": "turns, awaited at the drain; the next tick raises their error",
    "shared/waypost/engine/consumer/partition.py": "handles each error itself and continues; a poll is never cancelled",
    "shared/waypost/engine/process.py": "the start of a part, whose error is raised, and waits for signals and failures",
    "shared/waypost/engine/relay/deletions.py": "the deliveries of its rows await it, and so does the end of the term",
    "shared/waypost/engine/relay/term.py": "parts of one tick: the task group or the next step awaits each",
    "shared/waypost/engine/side_by_side.py": "the task group awaits each, and the first error is raised",
    "shared/waypost/jobs/worker/slots.py": "one attempt, which is awaited at the drain; its error is logged when it ends",
    "shared/waypost/kafka/consumer.py": "awaited where they are made, bounded in time",
    "shared/waypost/kafka/isolating_sender.py": "the call that waits for the batch raises its error",
    "shared/waypost/kafka/prompt_connection.py": "the request that made it awaits it, and raises its error",
    "shared/waypost/native/postgres/tls_front.py": "of a development stack; both copies end with their session",
    "shared/waypost/web/shared_looks.py": "every stream that waits for the look raises its error",
    "shared/waypost/web/shared_reads.py": "every request that waits for the query raises its error",
    "shared/waypost/web/server.py": "the server; its end is logged, and ends the process with an error",
    "services/billing/api/client_departure.py": "both end with the request, which raises the error of its work",
    "services/notifications/jobs/webhooks.py": "the end of a cancelled job, which awaits it and logs its error",
    "services/billing/live/view.py": "parts of one tick, awaited or cancelled before its end",
}
MAKERS = {"create_task", "ensure_future"}


def makes_task(path: Path) -> bool:
    text = path.read_text()
    if not any(name in text for name in MAKERS):
        return False
    calls = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    names = (call.func for call in calls)
    return any((name.attr if isinstance(name, ast.Attribute) else getattr(name, "id", "")) in MAKERS for name in names)


def test_tasks_are_made_only_where_their_errors_are_seen() -> None:
    product = (path for room in ("shared", "services") for path in (ROOT / room).rglob("*.py"))
    found = {path.relative_to(ROOT).as_posix() for path in product if makes_task(path)}
    assert found == set(ALLOWED)
