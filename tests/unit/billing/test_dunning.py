"""The dunning schedule, and the idempotency keys of attempts."""

from datetime import timedelta
from uuid import uuid4

import pytest

from services.billing.domain.attempts import FORGOTTEN_AFTER, charge_key, refund_key
from services.billing.domain.dunning import next_attempt_at
from tests.unit.billing.invoices import NOW, charge_of, opened

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("failed_after", "next_after"),
    [
        (timedelta(0), 1 * DAY),
        (DAY - timedelta(seconds=1), 1 * DAY),
        (DAY, 3 * DAY),
        (3 * DAY, 7 * DAY),
        (6 * DAY, 7 * DAY),
    ],
)
def test_dunning_steps_count_from_finalization(failed_after: timedelta, next_after: timedelta) -> None:
    assert next_attempt_at(NOW, NOW + failed_after) == NOW + next_after


def test_no_attempt_follows_the_last_dunning_step() -> None:
    assert next_attempt_at(NOW, NOW + 7 * DAY) is None


def test_each_attempt_has_its_own_stable_key() -> None:
    invoice_id, refund_id = uuid4(), uuid4()
    assert charge_key(invoice_id, 1) == f"inv-{invoice_id}"
    assert charge_key(invoice_id, 3) == f"inv-{invoice_id}-3"
    assert refund_key(refund_id) == f"ref-{refund_id}"


def test_a_provider_may_have_forgotten_an_old_key() -> None:
    attempt = charge_of(opened())
    assert not attempt.is_forgotten(NOW + FORGOTTEN_AFTER - timedelta(seconds=1))
    assert attempt.is_forgotten(NOW + FORGOTTEN_AFTER)
