"""What a service is made of, said once in its `app.py`."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter

from shared.engine.bus import CommandHandler
from shared.engine.process import Lifecycle
from shared.jobs.declaration import Job, Scheduled
from shared.kernel.command import Command
from shared.ports.codec import EventCodec
from shared.ports.handlers import Consumer, Projection
from shared.web.app import KeysOf

OpenResources = Callable[[], AbstractAsyncContextManager[Any]]
"""Opens what a process needs beside the toolkit (an HTTP client, a mailer, keys); entered once at start, left once at the end."""

OpenLiveView = Callable[[str, EventCodec], Lifecycle]
"""Makes it for a broker's address; nothing is connected before it starts."""


def no_resources() -> AbstractAsyncContextManager[None]:
    return nullcontext()


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    name: str
    """Also its database, the prefix of its roles and consumer groups, and its `service.name` in traces."""
    codec: EventCodec
    commands: Mapping[type[Command[Any]], CommandHandler]
    projections: Sequence[Projection]
    consumers: Sequence[Consumer]
    jobs: Sequence[Job] = ()
    schedule: Sequence[Scheduled] = ()
    routers: Sequence[APIRouter] = field(default=())
    api_resources: OpenResources = no_resources
    """At `request.app.state.resources`."""
    token_keys: KeysOf | None = None
    """Keys of access tokens, out of `api_resources`, for the service that signs them; the others fetch them from it."""
    job_resources: OpenResources = no_resources
    """At `JobContext.resources`."""
    live_view: OpenLiveView | None = None
    """A view of what moves at present, in a process of its own that has no database."""

    @property
    def schemas(self) -> Sequence[str]:
        """The PostgreSQL schemas of its read rows, for `search_path`."""
        projectors = [each.name for each in self.consumers if hasattr(each, "tables")]
        return [*(each.name for each in self.projections), *projectors]
