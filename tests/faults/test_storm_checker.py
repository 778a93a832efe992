"""The storm's checks: each finds the flaw that it is for, they find the damage of every kind of
fault, and they report nothing for a flawless history.
"""

from dataclasses import replace

import pytest

from tests.faults.storm import flawless_history, flaws
from tests.faults.storm.evidence import Evidence
from tests.faults.storm.flaws import Flaw
from tests.faults.storm.promises import examine
from tests.faults.storm.schedule import Kind

FLAWS: list[tuple[Flaw, str]] = [
    (flaws.event_lost, "acknowledged commands are in the store"),
    (flaws.answer_lost, "acknowledged commands are in the store"),
    (flaws.refusal_with_effect, "refused commands had no effect"),
    (flaws.half_an_unknown, "unknown commands are complete or absent"),
    (flaws.two_answers_under_one_key, "commands repeated under their key took effect once"),
    (flaws.order_without_attempt, "each payment and refund request started one attempt"),
    (flaws.record_lost, "every stored event is on its topic"),
    (flaws.record_of_nothing, "every record is a stored event, byte for byte"),
    (flaws.record_changed, "every record is a stored event, byte for byte"),
    (flaws.records_swapped, "each aggregate's versions are in order"),
    (flaws.event_lost, "no aggregate's stored versions have a gap"),
    (flaws.event_not_processed, "every subscribed consumer processed every event"),
    (flaws.unknown_event_processed, "consumers processed only stored events"),
    (flaws.guard_behind, "each consumer handled each aggregate up to its last version"),
    (flaws.customer_twice, "each user became one customer and one recipient"),
    (flaws.tenant_unknown, "each service's directory holds every tenant"),
    (flaws.notification_missing, "each fact became one notification"),
    (flaws.notification_without_fact, "each notification has a stored fact of its tenant"),
    (flaws.mail_missing, "each notification is in the mailbox"),
    (flaws.mail_to_another, "each mail is a notification, in its recipient's mailbox"),
    (flaws.mail_twice, "no notification was mailed more often than its job was interrupted"),
    (flaws.charged_twice, "each invoice was charged once, or not at all"),
    (flaws.charged_twice, "the provider's records equal ours"),
    (flaws.charge_of_more, "each attempt ended as the provider decided"),
    (flaws.charge_job_lost, "the charge of each finalized invoice was requested"),
    (flaws.ledger_lopsided, "each tenant's ledger sums to 0 in each currency"),
    (flaws.posting_on_a_wrong_account, "each balance is the fold of its events"),
    (flaws.number_skipped, "each tenant's invoice numbers are 1, 2, 3 …"),
    (flaws.invoice_shown_wrong, "each invoice is shown as the fold of its events"),
    (flaws.live_view_twice, "the live view counted each movement once"),
    (flaws.replay_differs, "each read model equals its replay, row for row"),
    (flaws.charge_of_another_tenant, "every effect of an event belongs to its tenant"),
    (flaws.event_of_another_tenant, "a command's events belong to its tenant"),
    (flaws.another_tenants_invoice_answered, "another tenant's invoice is answered with 404"),
    (flaws.rows_left, "lag, outbox, jobs and dead letters reached 0 without intervention"),
]


def test_a_history_without_a_flaw_is_found_flawless() -> None:
    assert broken(flawless_history.flawless_history()) == {}


@pytest.mark.parametrize(("flaw", "promise"), FLAWS, ids=lambda each: getattr(each, "__name__", ""))
def test_a_planted_flaw_is_found(flaw: Flaw, promise: str) -> None:
    assert promise in broken(flaw(flawless_history.flawless_history()))


DAMAGES: dict[Kind, tuple[Flaw, str]] = {
    Kind.KILL: (flaws.half_an_unknown, "unknown commands are complete or absent"),
    Kind.POINT: (flaws.record_lost, "every stored event is on its topic"),
    Kind.FREEZE: (flaws.records_swapped, "each aggregate's versions are in order"),
    Kind.RESTART: (flaws.charge_job_lost, "the charge of each finalized invoice was requested"),
    Kind.CUT: (flaws.rows_left, "lag, outbox, jobs and dead letters reached 0 without intervention"),
    Kind.SLOW_DISK: (flaws.two_answers_under_one_key, "commands repeated under their key took effect once"),
    Kind.CLOCK: (flaws.charged_twice, "each invoice was charged once, or not at all"),
    Kind.REBUILD: (flaws.replay_differs, "each read model equals its replay, row for row"),
    Kind.TOPIC_LOST: (flaws.refilled_in_part, "each aggregate's versions are in order"),
}
"""The damage that each kind of fault would do to a system without the defence against it."""


@pytest.mark.parametrize("kind", Kind)
def test_the_damage_of_every_kind_of_fault_is_found(kind: Kind) -> None:
    flaw, promise = DAMAGES[kind]
    assert promise in broken(flaw(flawless_history.flawless_history()))


def test_only_a_topic_that_was_filled_again_may_have_versions_in_another_order() -> None:
    swapped = flaws.records_swapped(flawless_history.flawless_history())
    assert broken(replace(swapped, refilled_topics=frozenset({"billing.invoice"}))) == {}
    assert "each aggregate's versions are in order" in broken(
        replace(swapped, refilled_topics=frozenset({"users.user"}))
    )


def test_every_check_has_a_flaw_planted_for_it() -> None:
    assert {finding.what for finding in examine(flawless_history.flawless_history())} == {
        promise for _, promise in FLAWS
    }


def broken(evidence: Evidence) -> dict[str, list[str]]:
    return {finding.what: list(finding.violations) for finding in examine(evidence) if finding.violations}
