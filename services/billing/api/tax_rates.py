"""The tenant's tax rates, which lines of invoices name."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from services.billing import queries
from services.billing.api.context import Context
from services.billing.api.tax_models import NewTaxRate, TaxRateView
from services.billing.commands import ArchiveTaxRate, CreateTaxRate, MakeTaxRateDefault, RemoveDefaultTaxRate
from services.billing.domain import TaxRate
from services.billing.domain.tax import ppm_of
from services.billing.handlers.tax_rows import tax_rate
from waypost.kernel.errors import NotFound
from waypost.kernel.ids import new_id
from waypost.web.auth import AdminCaller
from waypost.web.idempotency import Executor
from waypost.web.pagination import Page, PageRequest, paged_by
from waypost.web.responses import created, shown

router = APIRouter(prefix="/tax-rates", tags=["tax rates"])


@router.get("")
async def list_tax_rates(
    page: Annotated[PageRequest[UUID], paged_by(UUID)],
    caller: AdminCaller,
    context: Context,
    archived: Annotated[bool | None, Query(description="Only archived rates, or only active ones.")] = None,
) -> Page[TaxRateView]:
    """Lists the tenant's tax rates, newest first."""
    async with context.bus.units.begin() as uow:
        rows = await queries.latest_tax_rates(uow.rows, archived=archived, before=page.after, limit=page.rows)
    return page.of(rows, TaxRateView.model_validate, position=lambda row: row.id)


@router.post("", status_code=201, response_model=TaxRateView)
async def create_tax_rate(body: NewTaxRate, caller: AdminCaller, context: Context, execute: Executor) -> Response:
    """Creates a tax rate. It never changes: to change a percentage, create another rate and archive
    this one. Invoices keep the rate that their lines named. A tenant has 100 active rates at most.
    """
    command = CreateTaxRate(
        tax_rate_id=new_id(),
        name=body.name,
        ppm=ppm_of(body.percentage),
        inclusive=body.inclusive,
        at=context.now,
    )
    return await execute(command, _created)


@router.get("/{tax_rate_id}")
async def show_tax_rate(tax_rate_id: UUID, caller: AdminCaller, context: Context) -> TaxRateView:
    """Returns one tax rate."""
    async with context.bus.units.begin() as uow:
        rate = await tax_rate(uow.rows, tax_rate_id)
    if rate is None:
        raise NotFound(f"there is no tax rate {tax_rate_id}")
    return TaxRateView.model_validate(rate)


@router.post("/{tax_rate_id}/archive", response_model=TaxRateView)
async def archive_tax_rate(tax_rate_id: UUID, caller: AdminCaller, context: Context, execute: Executor) -> Response:
    """Archives a tax rate: new lines cannot name it. Invoices that have it stay as they are. The
    400 rates that were archived last are listed.
    """
    return await execute(ArchiveTaxRate(tax_rate_id=tax_rate_id, changed_by=caller.user_id, at=context.now), _shown)


@router.post("/{tax_rate_id}/default", response_model=TaxRateView)
async def make_default(tax_rate_id: UUID, caller: AdminCaller, context: Context, execute: Executor) -> Response:
    """Makes this the rate of the invoices of all subscriptions, from the next invoice. With an
    inclusive rate the price of a plan contains the tax, otherwise the tax is added to it.
    """
    return await execute(MakeTaxRateDefault(tax_rate_id=tax_rate_id, changed_by=caller.user_id, at=context.now), _shown)


@router.delete("/{tax_rate_id}/default", response_model=TaxRateView)
async def remove_default(tax_rate_id: UUID, caller: AdminCaller, context: Context, execute: Executor) -> Response:
    """The invoices of subscriptions have no tax, from the next invoice."""
    return await execute(
        RemoveDefaultTaxRate(tax_rate_id=tax_rate_id, changed_by=caller.user_id, at=context.now), _shown
    )


def _created(rate: TaxRate) -> Response:
    return created(TaxRateView.model_validate(rate), f"/tax-rates/{rate.id}")


def _shown(rate: TaxRate) -> Response:
    return shown(TaxRateView.model_validate(rate))
