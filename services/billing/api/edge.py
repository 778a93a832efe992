"""What a route has of its process, and how an invoice is shown."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from services.billing.api.models import InvoiceView
from services.billing.domain import Invoice
from services.billing.ports import Resources
from shared.engine.bus import Bus
from shared.kernel.role import Role
from shared.web.answers import created, shown
from shared.web.auth import Principal


class Edge:
    """One request's way into the service."""

    def __init__(self, request: Request) -> None:
        self.bus: Bus = request.app.state.bus
        self.resources: Resources = request.app.state.resources
        self.now: datetime = request.app.state.clock.now()


Here = Annotated[Edge, Depends()]


def only_own(caller: Principal) -> UUID | None:
    """Whose rows the caller may see: members their own, admins everybody's (None). A customer's id is its user's."""
    return None if caller.role.covers(Role.ADMIN) else caller.user_id


def changed(invoice: Invoice) -> Response:
    return shown(InvoiceView.model_validate(invoice), version=invoice.version)


def added(invoice: Invoice) -> Response:
    return created(InvoiceView.model_validate(invoice), _location(invoice), version=invoice.version)


def begun(invoice: Invoice) -> Response:
    """202: the provider is asked by a job; the invoice tells what came of it."""
    view = InvoiceView.model_validate(invoice)
    return shown(view, status=202, location=_location(invoice), version=invoice.version)


def _location(invoice: Invoice) -> str:
    return f"/invoices/{invoice.id}"
