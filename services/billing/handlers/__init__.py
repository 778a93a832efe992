"""Command handlers and consumers of the billing service."""

from collections.abc import Sequence

from services.billing.commands import (
    AbandonAttempt,
    AddLine,
    ArchiveTaxRate,
    AttachPaymentMethod,
    BeginCharge,
    BookNotice,
    CancelSubscription,
    ChangePlan,
    CreateInvoice,
    CreateSubscription,
    CreateTaxRate,
    DetachPaymentMethod,
    FinalizeInvoice,
    MakeDefault,
    MakeTaxRateDefault,
    PayInvoice,
    RecordDecision,
    RefundInvoice,
    RemoveDefaultTaxRate,
    RenewSubscription,
    RequestReport,
    StoreUnmatchedNotice,
    UncancelSubscription,
    VoidInvoice,
)
from services.billing.handlers.cards import attach_payment_method, detach_payment_method, make_default
from services.billing.handlers.customers import CUSTOMERS
from services.billing.handlers.invoices import add_line, create_invoice, finalize_invoice, void_invoice
from services.billing.handlers.payment_attempts import abandon_attempt, record_decision
from services.billing.handlers.payments import begin_charge, pay_invoice
from services.billing.handlers.provider_notices import book_notice, store_unmatched_notice
from services.billing.handlers.refunds import refund_invoice
from services.billing.handlers.reports import request_report
from services.billing.handlers.subscriptions import (
    cancel_subscription,
    change_plan,
    create_subscription,
    renew_subscription,
    uncancel_subscription,
)
from services.billing.handlers.tax_rates import (
    archive_tax_rate,
    create_tax_rate,
    make_tax_rate_default,
    remove_default_tax_rate,
)
from services.billing.projections import PERSON_KEY_ROWS, PRINCIPALS, REVENUE_WINDOWS, TENANT_DIRECTORY
from waypost.engine.bus import Commands
from waypost.ports.consumers import Consumer

COMMANDS: Commands = {
    AttachPaymentMethod: attach_payment_method,
    MakeDefault: make_default,
    DetachPaymentMethod: detach_payment_method,
    CreateInvoice: create_invoice,
    AddLine: add_line,
    FinalizeInvoice: finalize_invoice,
    PayInvoice: pay_invoice,
    VoidInvoice: void_invoice,
    RefundInvoice: refund_invoice,
    CreateSubscription: create_subscription,
    ChangePlan: change_plan,
    CancelSubscription: cancel_subscription,
    UncancelSubscription: uncancel_subscription,
    RenewSubscription: renew_subscription,
    BeginCharge: begin_charge,
    RecordDecision: record_decision,
    AbandonAttempt: abandon_attempt,
    BookNotice: book_notice,
    StoreUnmatchedNotice: store_unmatched_notice,
    RequestReport: request_report,
    CreateTaxRate: create_tax_rate,
    ArchiveTaxRate: archive_tax_rate,
    MakeTaxRateDefault: make_tax_rate_default,
    RemoveDefaultTaxRate: remove_default_tax_rate,
}

CONSUMERS: Sequence[Consumer] = [PERSON_KEY_ROWS, CUSTOMERS, TENANT_DIRECTORY, PRINCIPALS, REVENUE_WINDOWS]
