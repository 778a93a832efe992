"""Dependencies of the operator routes."""

from typing import Annotated

from fastapi import Depends
from pydantic import StringConstraints
from starlette.requests import Request

from waypost.kernel.audit_context import AuditContext
from waypost.operations.admin_service import AdminService
from waypost.web.models import RequestModel
from waypost.web.principal import Operator


async def _admin_service(request: Request) -> AdminService:
    admin_service: AdminService = request.app.state.admin_service
    return admin_service


CurrentAdminService = Annotated[AdminService, Depends(_admin_service)]
"""A parameter of any route under `/ops`: the service of this process."""


class ReasonedRequest(RequestModel):
    """Body of every changing request. Requests with more fields extend it."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
    """Reason of the change, for the audit."""

    def audited_by(self, operator: Operator) -> AuditContext:
        return AuditContext(operator=operator.name, reason=self.reason)
