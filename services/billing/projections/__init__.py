"""Events to read rows: this service's own in the business transaction, `tenants` and `revenue` from their topics."""

from services.billing.projections.customers import CUSTOMER_ROWS
from services.billing.projections.invoices import INVOICE_ROWS
from services.billing.projections.ledger import LEDGER_ROWS
from services.billing.projections.revenue import REVENUE_WINDOWS
from services.billing.projections.tenants import TENANT_DIRECTORY

PROJECTIONS = [CUSTOMER_ROWS, INVOICE_ROWS, LEDGER_ROWS]

__all__ = ["PROJECTIONS", "REVENUE_WINDOWS", "TENANT_DIRECTORY"]
