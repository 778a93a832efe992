"""The declaration of a service, written once in its `app.py`.

A worker loads this module too, so it imports neither FastAPI nor anything else of an API.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import MetaData

from waypost.engine.bus import Authorize, Bus, Commands
from waypost.engine.process import Lifecycle
from waypost.jobs.declaration import Job, Scheduled
from waypost.kernel.actor import Actor
from waypost.kernel.errors import Misconfigured
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId
from waypost.kernel.role import Role
from waypost.kernel.topic import Topic
from waypost.ports.brokers import Brokers
from waypost.ports.codec import EventCodec
from waypost.ports.consumers import AsyncProjection, Consumer, InlineProjection
from waypost.ports.person_keys import PersonKeyDeclaration
from waypost.ports.resources import OpenResources
from waypost.schemas.application import application_codec
from waypost.schemas.topics import declared_topics

if TYPE_CHECKING:
    from fastapi import APIRouter
    from joserfc.jwk import OKPKey

    from waypost.web.principal import Principal
    from waypost.web.tokens import KeysOf

DevelopmentUser = Callable[[Bus, Path, str, Role], Awaitable["Principal"]]
"""Finds or creates the user with a role in the tenant with a name. The path is the folder of the
service's keys.
"""


_UNKNOWN_ACTOR = Actor(
    user_id=UUID(int=0),
    tenant_id=TenantId(UUID(int=0)),
    role=Role.OWNER,
    session_id=None,
    issued_at=datetime.fromtimestamp(0, UTC),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveView:
    """A live view of the event stream, computed in a separate process without a database. Its
    consumer group is `<service>.live`.
    """

    open: Callable[[Brokers, EventCodec], Lifecycle]
    """Creates the view for the connection to the brokers. Connects only when the view starts."""
    handles: frozenset[type[Event]]
    publishes: frozenset[type[Event]] = frozenset()
    """On a cluster with access rules, the view may write the topics of these events alone, and
    those whose names start with that of its group.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    name: str
    """The name of the service, its database, the prefix of its roles and consumer groups, and
    `service.name` in traces.
    """
    commands: Commands
    projections: Sequence[InlineProjection]
    consumers: Sequence[Consumer]
    codec: EventCodec = field(default_factory=application_codec)
    """Encodes and decodes all events of the application."""
    topics: Sequence[Topic] = field(default_factory=declared_topics)
    """All topics of the application."""
    tables: Sequence[MetaData] = ()
    """The service's own tables in the schema `public`. Each process compares them with the database
    at start.
    """
    jobs: Sequence[Job] = ()
    schedule: Sequence[Scheduled] = ()
    api: str | None = None
    """The module whose `ROUTERS` are the service's own routes, and whose `EXAMPLES` are values of
    their fields. Only the API process imports it.
    """
    authorize: Authorize | None = None
    """Looks the actor up, for every command and every admin's read. Without it, tokens are valid
    until they expire.
    """
    authorization_reads: Sequence[str] = ()
    """Names of the consumers whose rows an `authorize` of the service's own reads, unless its
    precondition names them. A read that waits for its own writes waits for these too.
    """
    api_resources: OpenResources = nullcontext
    """Opens the resources at `waypost.web.request.RequestContext.resources`."""
    token_keys: "KeysOf | None" = None
    """Returns the keys of access tokens from `api_resources`. Only the service that signs tokens
    sets this; the others fetch the keys over HTTP.
    """
    signing_key: Callable[[Path], "OKPKey"] | None = None
    """Returns the private key from the folder of the service's keys. Operators' tokens are signed
    with it too. Raises Misconfigured.
    """
    development_user: DevelopmentUser | None = None
    """Creates the user for `waypost token --dev`. Only the service that signs access tokens sets
    this.
    """
    job_resources: OpenResources = nullcontext
    """Opens the resources at `JobContext.resources`."""
    live_view: LiveView | None = None
    person_keys: PersonKeyDeclaration | None = None
    """For a service that publishes or consumes events with personal data."""

    @property
    def routers(self) -> "Sequence[APIRouter]":
        """Imports the service's own routes. Raises Misconfigured if `api` has no `ROUTERS`."""
        if self.api is None:
            return ()
        routers: Sequence[APIRouter] | None = getattr(import_module(self.api), "ROUTERS", None)
        if routers is None:
            raise Misconfigured(f"{self.api} has no ROUTERS: list the routers of {self.name} under this name")
        return routers

    @property
    def examples(self) -> Mapping[str, object]:
        """`EXAMPLES` of the module `api`, if it has any: values of fields by their names, for the
        OpenAPI document.
        """
        return {} if self.api is None else getattr(import_module(self.api), "EXAMPLES", {})

    @property
    def rights_consumers(self) -> frozenset[str]:
        """The consumers whose rows `authorize` reads. Its precondition names them, also if the
        service's own function calls that of the toolkit: so it is made once, for an actor who does
        not exist.
        """
        if self.authorize is None:
            return frozenset(self.authorization_reads)
        return frozenset((*self.authorization_reads, *self.authorize(_UNKNOWN_ACTOR).consumers))

    @property
    def schemas(self) -> Sequence[str]:
        """PostgreSQL schemas of the read models, for `search_path`."""
        return [model.name for model in self.read_models]

    @property
    def read_models(self) -> Sequence[InlineProjection | AsyncProjection]:
        return [*self.projections, *(consumer for consumer in self.consumers if isinstance(consumer, AsyncProjection))]
