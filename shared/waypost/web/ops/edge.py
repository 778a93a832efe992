"""What an operator route has of its process."""

from typing import Annotated

from fastapi import Depends
from pydantic import StringConstraints
from starlette.requests import Request

from waypost.kernel.mandate import Mandate
from waypost.operations.service import OperatedService
from waypost.web.auth import Operator
from waypost.web.models import RequestModel


def _operated(request: Request) -> OperatedService:
    operated: OperatedService = request.app.state.operated
    return operated


Operated = Annotated[OperatedService, Depends(_operated)]
"""A parameter of any route under `/ops`: the service that the process is of."""


class Because(RequestModel):
    """The body of whatever changes something; verbs with more to say extend it."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
    """For the audit."""

    def told_by(self, operator: Operator) -> Mandate:
        return Mandate(operator=operator.name, reason=self.reason)
