"""What an operator route has of its process."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from shared.operations.service import OperatedService


def _operated(request: Request) -> OperatedService:
    operated: OperatedService = request.app.state.operated
    return operated


Operated = Annotated[OperatedService, Depends(_operated)]
"""A parameter of any route under `/ops`: the service that the process is of."""
