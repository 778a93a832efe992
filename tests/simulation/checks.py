"""The promises that must hold when everything rests. Each check yields the broken ones."""

from collections import Counter
from collections.abc import Iterator
from uuid import UUID

from tests.simulation.events import SERVICE, Charged, Handled, Noted
from tests.simulation.world import World
from waypost.jobs.status import Status
from waypost.kernel.cloudevents import from_headers
from waypost.kernel.envelope import Envelope
from waypost.ports.dead_letters import OPEN

CONSUMER = f"{SERVICE}.effects"


def unfinished(world: World) -> Iterator[str]:
    """The work that is left; none if everything rests."""
    tables = world.database.tables
    if world.commands or any(running.issues for running in world.running.values()):
        yield f"{len(world.commands)} commands to issue, and the running ones"
    if rows := world.database.outbox.rows:
        yield f"outbox rows {sorted(rows)}"
    if world.broker.late_requests:
        yield f"{world.broker.late_requests} requests on their way to the broker"
    for partition, log in world.broker.logs.items():
        position = tables.positions.get((CONSUMER, partition))
        at = position.next_offset if position else 0
        if partition.topic == Noted.topic and at < len(log):
            yield f"{CONSUMER} is at {at} of {len(log)} in {partition}"
    if tables.parked:
        yield f"{len(tables.parked)} parked keys"
    world.jobs.refresh()
    if to_run := [row for row in world.jobs.rows.values() if row.status in (Status.QUEUED, Status.RUNNING)]:
        yield f"{len(to_run)} jobs: {[(row.status.value, row.attempts, row.error) for row in to_run]}"


def violations(world: World) -> Iterator[str]:
    """The promises that are broken."""
    yield from _commands(world)
    yield from _topics(world)
    yield from _effects(world)
    yield from _charges(world)
    if left := [letter for _, letter in world.database.tables.dead_letters.values() if letter.status in OPEN]:
        yield f"{len(left)} dead letters are open, and no key is parked: {left[0].failure}"


def _commands(world: World) -> Iterator[str]:
    stored = Counter(envelope.event.command for envelope in _stored(world, Noted))
    if doubled := [command for command, events in stored.items() if events > 1]:
        yield f"doubled: commands {sorted(doubled)} are stored more than once"
    if lost := set(world.acknowledged) - set(stored):
        yield f"lost: commands {sorted(lost)} were acknowledged and are not stored"


def _topics(world: World) -> Iterator[str]:
    published: dict[UUID, list[int]] = {}
    ids: set[UUID] = set()
    for _, log in sorted(world.broker.logs.items()):
        for record in log:
            attributes = from_headers(record.headers)
            versions = published.setdefault(attributes.aggregate_id, [])
            if attributes.event_id not in ids:
                ids.add(attributes.event_id)
                versions.append(attributes.sequence or 0)
    for envelope in world.database.tables.events.values():
        if envelope.event_id not in ids:
            yield f"lost: {_shown(envelope)} is in no topic"
    for aggregate_id, versions in published.items():
        if versions != list(range(1, len(versions) + 1)):
            yield f"reordered: {aggregate_id} was published as {versions}"


def _effects(world: World) -> Iterator[str]:
    by_id = {str(envelope.event_id): envelope for envelope in _stored(world, Noted)}
    sources = [envelope.event.source for envelope in _stored(world, Handled)]
    yield from _once(by_id, Counter(sources), "handled")
    order: dict[UUID, list[int]] = {}
    for envelope in (by_id[source] for source in sources if source in by_id):
        order.setdefault(envelope.aggregate_id, []).append(envelope.aggregate_version)
    for aggregate_id, versions in order.items():
        if versions != sorted(versions):
            yield f"reordered: {aggregate_id} was handled as {versions}"


def _charges(world: World) -> Iterator[str]:
    by_id = {str(envelope.event_id): envelope for envelope in _stored(world, Noted)}
    keys = Counter({source: len(keys) for source, keys in world.provider.charged.items()})
    yield from _once(by_id, keys, "charged")
    yield from _once(
        by_id, Counter(envelope.event.source for envelope in _stored(world, Charged)), "recorded as charged"
    )
    for row in world.jobs.rows.values():
        if row.status is not Status.COMPLETE:
            yield f"job {row.job.id} ended as {row.status.value} after {row.attempts} attempts: {row.error}"


def _once(wanted: dict[str, Envelope], found: Counter[str], what: str) -> Iterator[str]:  # type: ignore[type-arg]
    for source, envelope in wanted.items():
        if found[source] != 1:
            yield f"{'lost' if found[source] == 0 else 'doubled'}: {_shown(envelope)} was {what} {found[source]} times"


def _stored(world: World, kind: type) -> list[Envelope]:  # type: ignore[type-arg]
    """In the order of their commits."""
    return [envelope for envelope in world.database.tables.events.values() if isinstance(envelope.event, kind)]


def _shown(envelope: Envelope) -> str:  # type: ignore[type-arg]
    return f"{envelope.event.type} {envelope.event_id}, version {envelope.aggregate_version} of {envelope.aggregate_id}"
