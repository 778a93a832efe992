"""Tenants: every effect of an event belongs to the event's tenant."""

from collections.abc import Iterator

from tests.faults.storm.evidence import Evidence
from tests.faults.storm.operations import Outcome
from tests.faults.storm.promises.finding import Finding, finding


def effects_belong_to_the_events_tenant(evidence: Evidence) -> Finding:
    """Customers of their users, attempts and charges of their invoices."""
    users = {event.aggregate_id: event.tenant_id for event in evidence.of_type("user.created")}
    invoices = {stored.aggregate_id: stored.tenant_id for stored in evidence.of_type("invoice.created")}
    of_text = {str(invoice): str(tenant) for invoice, tenant in invoices.items()}
    pairs = [
        *(
            (f"customer {row['customer_id']}", row["tenant_id"], users.get(row["customer_id"]))
            for row in evidence.customers
        ),
        *((f"recipient {row['user_id']}", row["tenant_id"], users.get(row["user_id"])) for row in evidence.recipients),
        *((f"attempt {row['id']}", row["tenant_id"], invoices.get(row["invoice_id"])) for row in evidence.attempts),
        *(
            (f"charge {row['id']}", row["metadata"]["tenant_id"], of_text.get(row["metadata"]["invoice_id"]))
            for row in evidence.charges
        ),
    ]
    wrong = [
        f"{what} belongs to tenant {actual}, its cause to {expected}"
        for what, actual, expected in pairs
        if actual != expected
    ]
    return finding("I6", "every effect of an event belongs to its tenant", len(pairs), wrong)


def events_belong_to_the_commands_tenant(evidence: Evidence) -> Finding:
    asked = {operation.id: operation.tenant for operation in evidence.operations if operation.tenant}
    caused = [event for event in evidence.events if str(event.correlation_id) in asked]
    wrong = [
        f"{each.type} {each.event_id} is of tenant {each.tenant_id}, its command {each.correlation_id} of another"
        for each in caused
        if str(each.tenant_id) != asked[str(each.correlation_id)]
    ]
    return finding("I6", "a command's events belong to its tenant", len(caused), wrong)


def other_tenants_data_is_not_found(evidence: Evidence) -> Finding:
    tried = [operation for operation in evidence.operations if operation.name == "void_of_another_tenant"]

    def violations() -> Iterator[str]:
        for operation in tried:
            statuses = {one.status for one in operation.tries if one.status and one.outcome is not Outcome.UNKNOWN}
            if statuses - {404}:
                yield f"{operation.id}: another tenant's invoice was answered with {sorted(statuses)}"

    return finding("I6", "another tenant's invoice is answered with 404", len(tried), violations())


CHECKS = (effects_belong_to_the_events_tenant, events_belong_to_the_commands_tenant, other_tenants_data_is_not_found)
