"""What a route has of its process."""

from datetime import datetime
from typing import Annotated, Generic

from fastapi import Depends
from starlette.requests import Request
from typing_extensions import TypeVar  # the standard library's takes a default from 3.13 on

from waypost.engine.bus import Bus

R = TypeVar("R", default=None)


class Edge(Generic[R]):
    """One request's way into the service. R is what the service's `api_resources` opened."""

    def __init__(self, request: Request) -> None:
        self.bus: Bus = request.app.state.bus
        self.resources: R = request.app.state.resources
        self.now: datetime = request.app.state.clock.now()


Context = Annotated[Edge, Depends()]
"""A parameter of any route; a service with resources declares its own: `Annotated[Edge[Resources],
Depends(Edge)]`.
"""
