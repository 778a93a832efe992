"""The dependency that gives a route the bus, the resources and the time of its process."""

from datetime import datetime
from typing import Annotated, Generic

from fastapi import Depends
from starlette.requests import Request
from typing_extensions import TypeVar  # the standard library's takes a default from 3.13 on

from waypost.engine.bus import Bus

R = TypeVar("R", default=None)


class Edge(Generic[R]):
    """Access to the service for one request. R is the type that the service's `api_resources`
    opens.
    """

    def __init__(self, request: Request) -> None:
        self.bus: Bus = request.app.state.bus
        self.resources: R = request.app.state.resources
        self.now: datetime = request.app.state.clock.now()


Context = Annotated[Edge, Depends()]
"""A parameter of any route. A service with resources declares its own type:
`Annotated[Edge[Resources], Depends(Edge)]`.
"""
