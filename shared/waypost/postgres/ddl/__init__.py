"""The toolkit's own tables at its first version.

A released version never changes. A later version is a new file in
`waypost/postgres/migrations/versions`, which alters these tables.
"""

from collections.abc import Iterator

from waypost.postgres.ddl.audit import operator_actions
from waypost.postgres.ddl.dead_letters import dead_letters
from waypost.postgres.ddl.events import events
from waypost.postgres.ddl.inbox import inbox
from waypost.postgres.ddl.jobs import jobs
from waypost.postgres.ddl.outbox import outbox


def first_version(service: str) -> Iterator[str]:
    """Statements that create every table of the toolkit, with the grants of the service's roles."""
    yield f"grant usage on schema public to {service}_app, {service}_relay, {service}_ops"
    yield from events(service)
    yield from outbox(service)
    yield from inbox(service)
    yield from dead_letters(service)
    yield from operator_actions(service)
    yield from jobs(service)


__all__ = ["first_version"]
