"""The context of a route."""

from typing import Annotated

from fastapi import Depends

from services.users.ports import Resources
from waypost.web.request import RequestContext, request_context

Context = Annotated[RequestContext[Resources], Depends(request_context)]
