"""The context of a route, and responses that show an invoice."""

from typing import Annotated

from fastapi import Depends
from starlette.responses import Response

from services.billing.api.models import InvoiceView
from services.billing.domain import Invoice
from services.billing.ports import Resources
from waypost.web.request import RequestContext, request_context
from waypost.web.responses import created, shown

Context = Annotated[RequestContext[Resources], Depends(request_context)]


def changed(invoice: Invoice) -> Response:
    return shown(InvoiceView.model_validate(invoice), version=invoice.version)


def added(invoice: Invoice) -> Response:
    return created(InvoiceView.model_validate(invoice), _location(invoice), version=invoice.version)


def accepted(invoice: Invoice) -> Response:
    """202 Accepted: a job asks the provider; the invoice shows the result."""
    view = InvoiceView.model_validate(invoice)
    return shown(view, status=202, location=_location(invoice), version=invoice.version)


def _location(invoice: Invoice) -> str:
    return f"/invoices/{invoice.id}"
