"""The context of a route."""

from typing import Annotated

from fastapi import Depends

from services.users.ports import Resources
from waypost.web.request import Edge

Context = Annotated[Edge[Resources], Depends(Edge)]
