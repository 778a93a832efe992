"""Names of a service's parts, derived from its event type."""

import pytest

from waypost.generator.names import plural_of, project_name, service_names
from waypost.generator.verbs import verb_of
from waypost.kernel.errors import Invalid


@pytest.mark.parametrize(
    ("past_tense", "verb"),
    [
        ("dispatched", "dispatch"), ("created", "create"), ("shipped", "ship"), ("billed", "bill"), ("placed", "place"),
        ("issued", "issue"), ("closed", "close"), ("changed", "change"), ("scheduled", "schedule"), ("updated", "update"),
        ("approved", "approve"), ("verified", "verify"), ("processed", "process"), ("delivered", "deliver"),
        ("added", "add"), ("booked", "book"), ("uploaded", "upload"), ("voided", "void"), ("expired", "expire"),
        ("sent", "send"), ("paid", "pay"), ("line_added", "add_line"), ("checked_in", "check_in"), ("overdue", "overdue"),
    ],
)  # fmt: skip
def test_a_command_is_named_for_its_event(past_tense: str, verb: str) -> None:
    assert verb_of(past_tense) == verb


@pytest.mark.parametrize(
    ("noun", "plural"),
    [("shipment", "shipments"), ("entry", "entries"), ("box", "boxes"), ("key", "keys"), ("branch", "branches")],
)
def test_tables_and_routes_are_plural(noun: str, plural: str) -> None:
    assert plural_of(noun) == plural


def test_a_service_without_an_event_type_creates_what_it_is_named_for() -> None:
    names = service_names("payments")
    assert (names.event_type, names.topic, names.words["command"]) == (
        "payment.created",
        "payments.payment",
        "create_payment",
    )


def test_names_of_several_words_and_a_chosen_verb() -> None:
    names = service_names("billing", "payment_method.attached", "save")
    assert (names.path, names.words["Command"]) == ("payment-methods", "SavePaymentMethod")


@pytest.mark.parametrize(
    "service", ["", "Shipping", "2nd", "ship ping", "../x", "x" * 41, "catalogue", "postgres", "class", "pg", "pg_data"]
)
def test_a_service_name_that_cannot_be_used_is_refused(service: str) -> None:
    with pytest.raises(Invalid):
        service_names(service)


@pytest.mark.parametrize(
    "event_type", ["dispatched", "shipment.", "Shipment.Dispatched", "a.b.c", "job.done", "class.added", "tenant.made"]
)
def test_an_event_type_that_cannot_be_used_is_refused(event_type: str) -> None:
    with pytest.raises(Invalid):
        service_names("shipping", event_type)


@pytest.mark.parametrize(
    "aggregate",
    [
        "a", "aggregate", "at", "dead_letter", "description", "doc", "envelope", "event", "idempotency_key", "job",
        "job_result", "job_schedule", "log", "metric", "parked_key", "row", "sequence", "str", "tenant", "tenant_id",
        "uow", "version",
    ],
)  # fmt: skip
def test_an_aggregate_whose_name_the_service_already_uses_is_refused(aggregate: str) -> None:
    with pytest.raises(Invalid, match="cannot be named"):
        service_names("shipping", f"{aggregate}.added")


@pytest.mark.parametrize(
    "event_type", ["payment.applied", "payment.recorded", "model.requested", "payment.given", "paid.paid", "order.if"]
)
def test_an_event_type_whose_command_or_test_the_service_already_has_is_refused(event_type: str) -> None:
    with pytest.raises(Invalid, match="the name is taken"):
        service_names("shipping", event_type)


def test_a_verb_can_be_chosen_where_the_derived_one_is_taken() -> None:
    assert service_names("billing", "payment.applied", "close").words["command"] == "close_payment"


@pytest.mark.parametrize("aggregate", ["order", "consumer", "result", "limit", "message", "file", "user", "page_view"])
def test_other_common_names_are_allowed(aggregate: str) -> None:
    assert service_names("shipping", f"{aggregate}.added").aggregate == aggregate


@pytest.mark.parametrize("name", ["", "Acme", "a/b", "..", "-acme", "waypost", "import"])
def test_a_project_name_that_cannot_be_used_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        project_name(name)


def test_a_project_name_may_have_dashes() -> None:
    assert project_name("acme-shop") == "acme-shop"
