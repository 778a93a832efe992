"""The tenant's tax rates: rows beside the events. Lines copy the rate that they name."""

from uuid import UUID

from sqlalchemy import delete, func, insert, select, update

from services.billing.commands import (
    ArchiveTaxRate,
    CreateTaxRate,
    MakeTaxRateDefault,
    RemoveDefaultTaxRate,
    TaxRateChange,
)
from services.billing.domain import TaxRate
from services.billing.domain.errors import TaxRateArchived, TaxRateIsDefault, TaxRateUnknown, TooManyTaxRates
from services.billing.handlers.tax_rows import rate_of, tax_rate
from services.billing.handlers.tax_tables import tax_rates
from waypost.kernel.errors import NotFound
from waypost.ports.unit_of_work import UnitOfWork

MAX_ACTIVE = 100
MAX_ARCHIVED = 400
"""Beyond it the rates that were archived first are deleted: no invoice reads them."""

_columns = tax_rates.c

# The limits and the one default need the rates of the tenant as they stay until the commit. Tenants
# whose hashes are equal only wait for each other.
_LOCK = "select pg_advisory_xact_lock(hashtextextended('tax rates of ' || $1::text, 0))"


async def create_tax_rate(command: CreateTaxRate, uow: UnitOfWork) -> TaxRate:
    """Raises TooManyTaxRates."""
    tenant_id = await _lock(uow)
    active = select(func.count()).where(_columns.tenant_id == tenant_id, _columns.archived_at.is_(None))
    if (await uow.rows.execute(active)).scalar_one() >= MAX_ACTIVE:
        raise TooManyTaxRates
    added = insert(tax_rates).values(
        tenant_id=tenant_id,
        tax_rate_id=command.tax_rate_id,
        name=command.name,
        ppm=command.ppm,
        inclusive=command.inclusive,
        is_default=False,
        created_at=command.at,
    )
    return rate_of((await uow.rows.execute(added.returning(tax_rates))).one())


async def archive_tax_rate(command: ArchiveTaxRate, uow: UnitOfWork) -> TaxRate:
    """A repeated call changes nothing. Raises NotFound, TaxRateIsDefault."""
    tenant_id = await _lock(uow)
    rate = await _existing(command.tax_rate_id, uow)
    if rate.archived:
        return rate
    if rate.is_default:
        raise TaxRateIsDefault
    archived = await _change(command, uow, archived_at=command.at)
    surplus = (
        select(_columns.tax_rate_id)
        .where(_columns.tenant_id == tenant_id, _columns.archived_at.is_not(None))
        .order_by(_columns.archived_at.desc(), _columns.tax_rate_id.desc())
        .offset(MAX_ARCHIVED)
    )
    await uow.rows.execute(delete(tax_rates).where(_columns.tax_rate_id.in_(surplus)))
    return archived


async def make_tax_rate_default(command: MakeTaxRateDefault, uow: UnitOfWork) -> TaxRate:
    """A repeated call changes nothing. Raises NotFound, TaxRateArchived."""
    await _lock(uow)
    rate = await _existing(command.tax_rate_id, uow)
    if rate.archived:
        raise TaxRateArchived
    if rate.is_default:
        return rate
    changed = {"changed_by": command.changed_by, "changed_at": command.at}
    await uow.rows.execute(update(tax_rates).where(_columns.is_default).values(is_default=False, **changed))
    return await _change(command, uow, is_default=True)


async def remove_default_tax_rate(command: RemoveDefaultTaxRate, uow: UnitOfWork) -> TaxRate:
    """A rate that is not the default stays as it is. Raises NotFound."""
    await _lock(uow)
    rate = await _existing(command.tax_rate_id, uow)
    return await _change(command, uow, is_default=False) if rate.is_default else rate


async def rate_for_line(tax_rate_id: UUID | None, uow: UnitOfWork) -> TaxRate | None:
    """The rate that a new line copies. A line without a rate reads nothing. Raises TaxRateUnknown,
    TaxRateArchived.
    """
    if tax_rate_id is None:
        return None
    rate = await tax_rate(uow.rows, tax_rate_id)
    if rate is None:
        raise TaxRateUnknown
    if rate.archived:
        raise TaxRateArchived
    return rate


async def _lock(uow: UnitOfWork) -> UUID:
    """Returns the tenant of the transaction."""
    (tenant_id,) = uow.tenants
    await uow.query(_LOCK, str(tenant_id))
    return tenant_id


async def _existing(tax_rate_id: UUID, uow: UnitOfWork) -> TaxRate:
    rate = await tax_rate(uow.rows, tax_rate_id)
    if rate is None:
        raise NotFound(f"there is no tax rate {tax_rate_id}")
    return rate


async def _change(command: TaxRateChange, uow: UnitOfWork, **values: object) -> TaxRate:
    changed = (
        update(tax_rates)
        .where(_columns.tax_rate_id == command.tax_rate_id)
        .values(changed_by=command.changed_by, changed_at=command.at, **values)
    )
    return rate_of((await uow.rows.execute(changed.returning(tax_rates))).one())
