"""A discarded draft leaves no lines behind."""

from dataclasses import replace

from schemas.billing import InvoiceDiscarded
from tests.integration.notifications.billing_events import line_added
from tests.integration.notifications.service import NotificationsService, Person
from waypost.kernel.ids import new_id


async def test_the_lines_of_a_discarded_draft_are_deleted(notifications: NotificationsService) -> None:
    ada, invoice_id, now = Person(), new_id(), notifications.clock.now()
    bill = replace(ada, user_id=invoice_id)
    await notifications.project(bill.envelope(line_added(ada, invoice_id, "Difference engine", now), 2))
    assert len(await notifications.rows(ada.tenant_id, "select 1 from invoice_lines")) == 1
    discarded = InvoiceDiscarded(
        tenant_id=ada.tenant_id,
        invoice_id=invoice_id,
        customer_id=ada.user_id,
        currency="EUR",
        reason="erased",
        discarded_at=now,
    )
    await notifications.project(bill.envelope(discarded, 3))
    assert await notifications.rows(ada.tenant_id, "select 1 from invoice_lines") == []
