"""What a service is made of, said once in its `app.py`."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import APIRouter
from joserfc.jwk import OKPKey
from sqlalchemy import MetaData

from waypost.engine.bus import Authorize, Bus, Commands
from waypost.engine.process import Lifecycle
from waypost.jobs.declaration import Job, Scheduled
from waypost.kernel.event import Event
from waypost.kernel.role import Role
from waypost.kernel.topic import Topic
from waypost.ports.codec import EventCodec
from waypost.ports.consumers import AsyncProjection, Consumer, InlineProjection
from waypost.schemas.application import application_codec
from waypost.schemas.topics import declared_topics
from waypost.web.app import KeysOf, OpenResources
from waypost.web.auth import Principal

DevelopmentUser = Callable[[Bus, Path, str, Role], Awaitable[Principal]]
"""Finds or makes the user of a role in a tenant of a name; the path is the folder of the service's
keys.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveView:
    """What moves at present, counted in a process of its own that has no database; its consumer
    group is `<service>.live`.
    """

    open: Callable[[str, EventCodec], Lifecycle]
    """Makes it for a broker's address; nothing is connected before it starts."""
    handles: frozenset[type[Event]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    name: str
    """Also its database, the prefix of its roles and consumer groups, and its `service.name` in
    traces.
    """
    commands: Commands
    projections: Sequence[InlineProjection]
    consumers: Sequence[Consumer]
    codec: EventCodec = field(default_factory=application_codec)
    """Of all events of the application."""
    topics: Sequence[Topic] = field(default_factory=declared_topics)
    """All that the application declares."""
    tables: Sequence[MetaData] = ()
    """Its own tables in the schema `public`; each process compares them with the database at its
    start.
    """
    jobs: Sequence[Job] = ()
    schedule: Sequence[Scheduled] = ()
    routers: Sequence[APIRouter] = ()
    authorize: Authorize | None = None
    """Looks up who asks, for every command and every admin's read; without it tokens are believed
    until they expire.
    """
    api_resources: OpenResources = nullcontext
    """At `waypost.web.edge.Edge.resources`."""
    token_keys: KeysOf | None = None
    """Keys of access tokens, out of `api_resources`, for the service that signs them; the others
    fetch them from it.
    """
    signing_key: Callable[[Path], OKPKey] | None = None
    """Its private half, out of the folder of the service's keys; an operator's tokens are signed
    with it too. Raises Misconfigured.
    """
    development_user: DevelopmentUser | None = None
    """For `waypost token --dev`; declared by the service that signs access tokens."""
    job_resources: OpenResources = nullcontext
    """At `JobContext.resources`."""
    live_view: LiveView | None = None

    @property
    def schemas(self) -> Sequence[str]:
        """The PostgreSQL schemas of its read rows, for `search_path`."""
        return [each.name for each in self.read_models]

    @property
    def read_models(self) -> Sequence[InlineProjection | AsyncProjection]:
        return [*self.projections, *(each for each in self.consumers if isinstance(each, AsyncProjection))]
