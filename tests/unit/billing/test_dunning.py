"""The dunning schedule, and the idempotency keys of attempts."""

from datetime import datetime, timedelta
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.attempts import FORGOTTEN_AFTER, charge_key, refund_key
from services.billing.domain.dunning import RETRY_DELAYS, DunningState
from tests.unit.billing.invoices import NOW, charge_of, opened

DAY = timedelta(days=1)


def declines(*after: timedelta) -> list[timedelta | None]:
    """The next step after each decline, as times after NOW."""
    state = DunningState()
    steps: list[timedelta | None] = []
    for elapsed in after:
        step = state.next_attempt_at(NOW + elapsed)
        state = state.after(NOW + elapsed, step)
        steps.append(None if step is None else step - NOW)
    return steps


def test_dunning_follows_1_3_5_and_7_days_after_the_first_decline() -> None:
    assert declines(0 * DAY, 1 * DAY, 3 * DAY, 5 * DAY, 7 * DAY) == [1 * DAY, 3 * DAY, 5 * DAY, 7 * DAY, None]


def test_a_first_decline_after_an_outage_of_8_days_gets_every_step() -> None:
    invoice = opened()
    late = NOW + 8 * DAY
    for step in (1 * DAY, 3 * DAY, 5 * DAY, 7 * DAY):
        due = invoice.dunning.next_attempt_at(late)
        assert due == NOW + 8 * DAY + step
        invoice.fail_payment(charge_of(invoice), "card_declined", next_attempt_at=due, at=late)
        late = due
    assert invoice.dunning.next_attempt_at(late) is None


def test_a_late_queue_skips_no_step() -> None:
    """The step of day 1 runs on day 6: the others follow, a day apart at least."""
    assert declines(0 * DAY, 6 * DAY, 7 * DAY, 8 * DAY, 9 * DAY) == [1 * DAY, 7 * DAY, 8 * DAY, 9 * DAY, None]


def test_a_payment_by_hand_uses_no_step() -> None:
    by_hand = [timedelta(hours=hour) for hour in range(1, 20)]
    assert declines(0 * DAY, *by_hand, 1 * DAY, 2 * DAY, 3 * DAY) == [*[1 * DAY] * 20, 3 * DAY, 3 * DAY, 5 * DAY]


@given(st.lists(st.timedeltas(min_value=timedelta(0), max_value=30 * DAY), max_size=30))
def test_each_step_is_tried_before_the_write_off(pauses: list[timedelta]) -> None:
    state, at, steps = DunningState(), NOW, set[datetime]()
    for pause in pauses:
        at += pause
        due = state.next_attempt_at(at)
        if due is None:
            assert len(steps) == len(RETRY_DELAYS)
            assert all(step <= at for step in steps)
            break
        assert due > at
        steps.add(due)
        state = state.after(at, due)
    assert len(steps) <= len(RETRY_DELAYS)


def test_each_attempt_has_its_own_stable_key() -> None:
    invoice_id, refund_id = uuid4(), uuid4()
    assert charge_key(invoice_id, 1) == f"inv-{invoice_id}"
    assert charge_key(invoice_id, 3) == f"inv-{invoice_id}-3"
    assert refund_key(refund_id) == f"ref-{refund_id}"


def test_a_provider_may_have_forgotten_an_old_key() -> None:
    attempt = charge_of(opened())
    assert not attempt.is_forgotten(NOW + FORGOTTEN_AFTER - timedelta(seconds=1))
    assert attempt.is_forgotten(NOW + FORGOTTEN_AFTER)
