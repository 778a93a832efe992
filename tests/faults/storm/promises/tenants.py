"""Tenants: what follows from an event is of the event's tenant, wherever it is written down."""

from collections.abc import Iterator

from tests.faults.storm.evidence import Evidence
from tests.faults.storm.operations import Outcome
from tests.faults.storm.promises.finding import Finding, finding


def what_follows_is_of_the_same_tenant(evidence: Evidence) -> Finding:
    """Customers of their users, attempts and charges of their invoices."""
    users = {each.aggregate_id: each.tenant_id for each in evidence.of_type("user.created")}
    invoices = {each.aggregate_id: each.tenant_id for each in evidence.of_type("invoice.created")}
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
        f"{what} is of tenant {found}, its cause of {expected}" for what, found, expected in pairs if found != expected
    ]
    return finding("I6", "what follows from an event is of its tenant", len(pairs), wrong)


def a_commands_events_are_of_its_tenant(evidence: Evidence) -> Finding:
    asked = {each.id: each.tenant for each in evidence.operations if each.tenant}
    caused = [each for each in evidence.events if str(each.correlation_id) in asked]
    wrong = [
        f"{each.type} {each.event_id} is of tenant {each.tenant_id}, its command {each.correlation_id} of another"
        for each in caused
        if str(each.tenant_id) != asked[str(each.correlation_id)]
    ]
    return finding("I6", "a command's events are of its tenant", len(caused), wrong)


def another_tenants_things_are_not_there(evidence: Evidence) -> Finding:
    tried = [each for each in evidence.operations if each.name == "void_of_another_tenant"]

    def violations() -> Iterator[str]:
        for each in tried:
            told = {one.status for one in each.tries if one.status and one.outcome is not Outcome.UNKNOWN}
            if told - {404}:
                yield f"{each.id}: another tenant's invoice was answered with {sorted(told)}"

    return finding("I6", "another tenant's invoice is answered with 404", len(tried), violations())


CHECKS = (what_follows_is_of_the_same_tenant, a_commands_events_are_of_its_tenant, another_tenants_things_are_not_there)
