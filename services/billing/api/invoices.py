"""Invoices up to finalization; `payments` has the routes that move money."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from services.billing import queries
from services.billing.api.client_departure import while_connected
from services.billing.api.context import Context, added, changed
from services.billing.api.models import InvoiceSummary, InvoiceView, NewInvoice, NewLine
from services.billing.commands import AddLine, CreateInvoice, FinalizeInvoice, VoidInvoice
from services.billing.domain import Invoice, InvoiceStatus
from services.billing.queries import InvoiceFilter
from waypost.kernel.ids import new_id
from waypost.web.auth import AdminCaller, Caller
from waypost.web.history import EventView, VersionPage, event_page
from waypost.web.idempotency import Executor
from waypost.web.limited import Admission, limited
from waypost.web.pagination import Page, PageRequest, paged_by
from waypost.web.rate_limits import Rate, RateKey, RouteClass
from waypost.web.responses import ExpectedVersion, shown

PDF = "application/pdf"
DOCUMENTS = RouteClass(
    name="documents",
    reason="keeps one tenant from using the processor for its documents",
    rates={RateKey.CALLER: Rate(requests=10, seconds=60), RateKey.TENANT: Rate(requests=20, seconds=60)},
)

router = APIRouter(prefix="/invoices", tags=["invoices"])


@router.post("", status_code=201, response_model=InvoiceView)
async def create_invoice(body: NewInvoice, caller: AdminCaller, context: Context, execute: Executor) -> Response:
    """Creates an empty draft."""
    command = CreateInvoice(invoice_id=new_id(), customer_id=body.customer_id, currency=body.currency, at=context.now)
    return await execute(command, added)


@router.post("/{invoice_id}/lines", status_code=201, response_model=InvoiceView)
async def add_line(
    invoice_id: UUID, body: NewLine, caller: AdminCaller, expected: ExpectedVersion, context: Context, execute: Executor
) -> Response:
    """Adds a line to a draft, with the tax of a rate if it names one."""
    command = AddLine(
        invoice_id=invoice_id,
        line_id=new_id(),
        description=body.description,
        quantity=body.quantity,
        unit_amount_minor=body.unit_amount_minor,
        tax_rate_id=body.tax_rate_id,
        expected_version=expected,
        at=context.now,
    )
    return await execute(command, added)


@router.post("/{invoice_id}/finalize", response_model=InvoiceView)
async def finalize_invoice(
    invoice_id: UUID, caller: AdminCaller, expected: ExpectedVersion, context: Context, execute: Executor
) -> Response:
    """Finalizes a draft: assigns the invoice number and enqueues the charge."""
    return await execute(FinalizeInvoice(invoice_id=invoice_id, expected_version=expected, at=context.now), changed)


@router.post("/{invoice_id}/void", response_model=InvoiceView)
async def void_invoice(
    invoice_id: UUID, caller: AdminCaller, expected: ExpectedVersion, context: Context, execute: Executor
) -> Response:
    """Voids an open or written-off invoice. Nothing is owed on it any more; it keeps its number.
    The invoice of a subscription's current period ends the subscription.
    """
    return await execute(VoidInvoice(invoice_id=invoice_id, expected_version=expected, at=context.now), changed)


@router.get("")
async def list_invoices(
    page: Annotated[PageRequest[UUID], paged_by(UUID)],
    caller: Caller,
    context: Context,
    customer_id: Annotated[UUID | None, Query(description="Only invoices of this customer.")] = None,
    subscription_id: Annotated[UUID | None, Query(description="Only invoices of this subscription.")] = None,
    status: Annotated[InvoiceStatus | None, Query(description="Only invoices with this status.")] = None,
) -> Page[InvoiceSummary]:
    """Lists invoices, newest first. Members see their own: none of another customer."""
    wanted = InvoiceFilter(
        confined_to=caller.confined_to, customer_id=customer_id, subscription_id=subscription_id, status=status
    )
    async with context.bus.units.begin() as uow:
        rows = await queries.latest_invoices(uow.rows, wanted, before=page.after, limit=page.rows)
    return page.of(rows, InvoiceSummary.model_validate, position=lambda row: row.id)


@router.get("/{invoice_id}", response_model=InvoiceView)
async def show_invoice(invoice_id: UUID, caller: Caller, context: Context) -> Response:
    """Returns one invoice with its lines; members see their own."""
    async with context.bus.units.begin() as uow:
        row = await queries.invoice(uow.rows, invoice_id, customer_id=caller.confined_to)
    return shown(InvoiceView.model_validate(row), version=row.version)


@router.get(
    "/{invoice_id}/pdf",
    response_class=Response,
    responses={200: {"content": {PDF: {"schema": {"type": "string", "format": "binary"}, "example": "%PDF-1.3 …"}}}},
)
async def show_pdf(
    request: Request,
    invoice_id: UUID,
    caller: Caller,
    context: Context,
    admission: Annotated[Admission, limited(DOCUMENTS)],
) -> Response:
    """Returns the invoice as a PDF in the buyer's language; members see their own. The response is
    409 for a draft and for an invoice whose PDF cannot be made, and 503 while too many PDFs are
    being made. An unchanged invoice gives the same bytes. Characters that the font lacks (Chinese,
    Japanese and Korean among them) are shown as �.
    """
    admission.caller(caller.user_id)
    admission.tenant(caller.tenant_id)
    async with context.bus.units.begin() as uow:
        document = await queries.invoice_document(
            uow.rows, caller.tenant_id, invoice_id, customer_id=caller.confined_to
        )
    try:
        pdf = await while_connected(request, context.resources.documents.pdf(document))
    except ClientDisconnect:
        return Response(status_code=499)  # for the log; the client is gone
    name = f"invoice-{document.number}.pdf"
    return Response(pdf, media_type=PDF, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.get("/{invoice_id}/events")
async def show_events(invoice_id: UUID, page: VersionPage, caller: Caller, context: Context) -> Page[EventView]:
    """Lists the invoice's events, oldest first."""
    async with context.bus.units.begin() as uow:
        await queries.invoice(uow.rows, invoice_id, customer_id=caller.confined_to)
        return await event_page(Invoice, invoice_id, page, uow)
