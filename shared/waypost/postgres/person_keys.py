"""The keys of people in a service's database, and the encryption of events with them."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import NotYet
from waypost.kernel.event import (
    Event,
    has_personal_data,
    personal_ciphertext,
    with_personal_data,
    without_personal_data,
)
from waypost.kernel.ids import EventId, TenantId
from waypost.ports.person_keys import DESTROYED, PersonalCiphertext, PersonKeyEvents, key_not_arrived
from waypost.postgres.key_cache import KeyCache, Person
from waypost.postgres.personal_cipher import ciphertext_of, encrypted, new_key, person_of, personal_values
from waypost.postgres.sql import Sql, in_savepoint
from waypost.postgres.unencrypted import UnencryptedEvents

_KEYS = """
select tenant_id, person_id, key from person_keys where tenant_id = any ($1::uuid[]) and person_id = any ($2::uuid[])"""

_CREATE = """
insert into person_keys (tenant_id, person_id, key, changed_at) values ($1, $2, $3, $4)
on conflict (tenant_id, person_id) do nothing
returning true"""

# A person without a key gets the marker too, so that no key can be created later.
_DESTROY = """
insert into person_keys (tenant_id, person_id, key, changed_at) values ($1, $2, null, $3)
on conflict (tenant_id, person_id) do update set
    key = null, changed_at = case when person_keys.key is null then person_keys.changed_at else excluded.changed_at end
returning changed_at"""


class IdentifiedEvent(NamedTuple):
    """An event with the id to which its ciphertext is bound."""

    event: Event
    event_id: UUID


class KeyEvent(NamedTuple):
    """An event of the topic of keys."""

    event: Event
    event_id: EventId
    person_id: UUID


@dataclass(frozen=True, slots=True)
class ProcessKeys:
    """The use of keys in one process of a service."""

    publishes: PersonKeyEvents | None = None
    """Set in the service that creates and destroys keys."""
    cache: KeyCache = field(default_factory=KeyCache)
    """Not used by the service that creates keys: it could then remember a key whose transaction was
    rolled back.
    """
    unencrypted: UnencryptedEvents = field(default_factory=UnencryptedEvents)


class TransactionKeys:
    """Reads and writes keys in one open transaction, which is bound to the tenants of the
    people.
    """

    def __init__(self, connection: AsyncConnection, keys: ProcessKeys) -> None:
        self._connection = connection
        self._sql = Sql(connection)
        self._keys = keys
        self._known: dict[Person, bytes] = {}
        self.created: list[KeyEvent] = []
        """Events of keys that this transaction has created, which are not in the outbox yet."""

    async def readable(self, events: Sequence[IdentifiedEvent]) -> Sequence[Event | None]:
        """The events with their personal data, which is empty if the person was erased. None for an
        event whose key has not arrived. At most one query. Raises UndecodableRecord.
        """
        found = [ciphertext_of(*stored) for stored in events if personal_ciphertext(stored.event)]
        if not found:
            return [stored.event for stored in events]
        values = iter(await self.personal_data(found))
        return [
            _with(stored.event, next(values)) if personal_ciphertext(stored.event) else stored.event
            for stored in events
        ]

    async def personal_data(self, encrypted: Sequence[PersonalCiphertext]) -> Sequence[Mapping[str, str] | None]:
        """The values by field; without any if the person was erased, None if the key has not
        arrived. At most one query. Raises UndecodableRecord.
        """
        people = [(TenantId(each.tenant_id), person_of(each)) for each in encrypted]
        keys = await self._read(set(people))
        return [_values(each, keys.get(person)) for each, person in zip(encrypted, people, strict=True)]

    async def all_readable(self, events: Sequence[IdentifiedEvent]) -> Sequence[Event]:
        """Like `readable`, of the event store. Raises NotYet for an event whose key has not
        arrived.
        """
        found = await self.readable(events)
        for stored, event in zip(events, found, strict=True):
            if event is None:
                raise key_missing(*stored)
        return [event for event in found if event is not None]

    def remember(self, tenant_id: TenantId, person_id: UUID, key: bytes | None) -> None:
        """Avoids a query for a key that another query of this transaction has read."""
        if key is not None:
            self._known[tenant_id, person_id] = key

    async def storable(
        self, events: Sequence[IdentifiedEvent], person_id: UUID, *, is_new: bool, at: datetime
    ) -> Sequence[Event]:
        """The events of one person as they are stored and published. Creates the key if this
        service creates keys. `is_new` saves the query for a person who has just been added.

        Without a key the events stay readable: the person is from before the encryption. Those of
        an erased person are stored without personal data.
        """
        if not any(has_personal_data(stored.event) for stored in events):
            return [stored.event for stored in events]
        person = TenantId(events[0].event.tenant_id), person_id
        key = await self._key_to_write(person, is_new=is_new, at=at)
        if key is None:
            self._keys.unencrypted.report(stored.event for stored in events)
            return [stored.event for stored in events]
        return [_storable(stored, person_id, key) for stored in events]

    async def create(self, tenant_id: TenantId, person_id: UUID, at: datetime) -> None:
        """Creates the key of a person without one, if this service creates keys."""
        if self._keys.publishes is not None:
            await self._create((tenant_id, person_id), self._keys.publishes, at)

    async def destroy(self, tenant_id: TenantId, person_id: UUID, at: datetime) -> KeyEvent | None:
        """Destroys the key for good. None if another service creates and destroys the keys."""
        if (key_events := self._keys.publishes) is None:
            return None
        destroyed_at = await self._sql.fetchval(_DESTROY, tenant_id, person_id, at)
        self._known[tenant_id, person_id] = DESTROYED
        return destroyed_event(key_events, tenant_id, person_id, destroyed_at)

    async def _key_to_write(self, person: Person, *, is_new: bool, at: datetime) -> bytes | None:
        key_events = self._keys.publishes
        if person in self._known or not is_new or key_events is None:
            found = (await self._read({person})).get(person)
            if found is not None or key_events is None:
                return found
        return await self._create(person, key_events, at)

    async def _create(self, person: Person, key_events: PersonKeyEvents, at: datetime) -> bytes:
        key = new_key()
        if not await self._sql.fetchval(_CREATE, *person, key, at):
            return (await self._read({person}))[person]  # of a concurrent transaction, which has committed
        if not in_savepoint(self._connection):
            self._known[person] = key
        self.created.append(created_event(key_events, *person, key, at))
        return key

    async def _read(self, people: Iterable[Person]) -> Mapping[Person, bytes]:
        """The keys that exist, `DESTROYED` included."""
        cache = self._keys.cache if self._keys.publishes is None else None
        found: dict[Person, bytes] = {}
        missing: list[Person] = []
        for person in people:
            key = self._known.get(person)
            if key is None and cache is not None:
                key = cache.get(person)
            if key is None:
                missing.append(person)
            else:
                found[person] = key
        if missing:
            tenants, ids = {tenant_id for tenant_id, _ in missing}, [person_id for _, person_id in missing]
            for row in await self._sql.fetch(_KEYS, list(tenants), ids):
                person = TenantId(UUID(int=row["tenant_id"].int)), UUID(int=row["person_id"].int)
                found[person] = DESTROYED if row["key"] is None else row["key"]
                if cache is not None:
                    cache.put(person, found[person])
        return found


async def readable_envelopes(
    connection: AsyncConnection, envelopes: Sequence[Envelope[Event]], keys: ProcessKeys | None
) -> Sequence[Envelope[Event] | None]:
    """As `TransactionKeys.readable`, for events with their envelopes. The transaction is bound to
    their tenants.
    """
    in_transaction = TransactionKeys(connection, keys or ProcessKeys())
    events = await in_transaction.readable(
        [IdentifiedEvent(envelope.event, envelope.event_id) for envelope in envelopes]
    )
    pairs = zip(envelopes, events, strict=True)
    return [None if event is None else envelope._replace(event=event) for envelope, event in pairs]


def created_event(
    key_events: PersonKeyEvents, tenant_id: TenantId, person_id: UUID, key: bytes, created_at: datetime
) -> KeyEvent:
    """The event that carries a key. Its id is the same each time."""
    text = base64.b64encode(key).decode()
    created: Any = key_events.created
    event = created(tenant_id=tenant_id, person_id=person_id, key=text, created_at=created_at)
    return KeyEvent(event, _event_id(event, person_id), person_id)


def destroyed_event(
    key_events: PersonKeyEvents, tenant_id: TenantId, person_id: UUID, destroyed_at: datetime
) -> KeyEvent:
    """The event that marks a key as destroyed. Its id is the same each time."""
    destroyed: Any = key_events.destroyed
    event = destroyed(tenant_id=tenant_id, person_id=person_id, destroyed_at=destroyed_at)
    return KeyEvent(event, _event_id(event, person_id), person_id)


def key_missing(event: Event, event_id: UUID) -> NotYet:
    """The error of an event whose key has not arrived."""
    return key_not_arrived(f"this {event.type} of person {person_of(ciphertext_of(event, event_id))}")


def _event_id(event: Event, person_id: UUID) -> EventId:
    return EventId(uuid5(person_id, event.type))


def _values(encrypted: PersonalCiphertext, key: bytes | None) -> Mapping[str, str] | None:
    if key is None:
        return None
    return {} if key == DESTROYED else personal_values(encrypted, key)


def _with(event: Event, values: Mapping[str, str] | None) -> Event | None:
    return None if values is None else with_personal_data(event, values)


def _storable(stored: IdentifiedEvent, person_id: UUID, key: bytes) -> Event:
    if not has_personal_data(stored.event):
        return stored.event
    if key == DESTROYED:
        return without_personal_data(stored.event)
    return encrypted(stored.event, stored.event_id, person_id, key)
