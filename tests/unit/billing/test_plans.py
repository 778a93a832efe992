"""The declared plans."""

import json

import pytest

from services.billing.settings import PLANS, BillingSettings
from waypost.hosting.settings import load
from waypost.kernel.errors import Misconfigured

PLAN = {"code": "gold", "interval": "month", "amount_minor": 100, "currency": "EUR"}


@pytest.fixture(autouse=True)
def provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYPOST_PAYMENTS_URL", "http://payments")
    monkeypatch.setenv("WAYPOST_PAYMENTS_WEBHOOK_SECRET", "a secret of sixteen")


def test_the_environment_declares_the_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(BillingSettings).plans == PLANS
    monkeypatch.setenv("WAYPOST_PLANS", json.dumps([PLAN, PLAN | {"code": "gold-yearly", "interval": "year"}]))
    assert [(plan.code, plan.interval, str(plan.price)) for plan in load(BillingSettings).plans] == [
        ("gold", "month", "1.00 EUR"),
        ("gold-yearly", "year", "1.00 EUR"),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        [PLAN, PLAN],
        [PLAN | {"code": "Gold"}],
        [PLAN | {"code": ""}],
        [PLAN | {"code": "g" * 65}],
        [PLAN | {"interval": "week"}],
        [PLAN | {"amount_minor": 0}],
        [PLAN | {"amount_minor": 10**15 + 1}],
        [PLAN | {"currency": "XXQ"}],
        [PLAN | {"amount_minor": 1.5}],
        [PLAN | {"currency": "eur"}],
        [{"code": "gold"}],
        PLAN,
    ],
)
def test_an_invalid_plan_catalogue_is_refused(monkeypatch: pytest.MonkeyPatch, wrong: object) -> None:
    monkeypatch.setenv("WAYPOST_PLANS", json.dumps(wrong))
    with pytest.raises(Misconfigured, match="WAYPOST_PLANS"):
        load(BillingSettings)
