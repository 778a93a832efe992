"""The toolkit's own tables, as each service's first migration creates them.

What is released here never changes; a later shape is a new function that a later migration calls.
"""

from collections.abc import Iterator

from waypost.postgres.ddl.audit import operator_actions
from waypost.postgres.ddl.events import events, forgettable_events
from waypost.postgres.ddl.inbox import inbox
from waypost.postgres.ddl.letters import bounded_dead_letters, dead_letters
from waypost.postgres.ddl.outbox import outbox


def infrastructure(service: str) -> Iterator[str]:
    """Statements that make the tables of the write path, the relay and the consumers, with the grants of the service's roles."""
    yield f"grant usage on schema public to {service}_app, {service}_relay, {service}_ops"
    yield from events(service)
    yield from outbox(service)
    yield from inbox(service)
    yield from dead_letters(service)


__all__ = ["bounded_dead_letters", "forgettable_events", "infrastructure", "operator_actions"]
