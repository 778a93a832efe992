"""Settings of a billing process, from its environment."""

import re
from collections import Counter
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from services.billing.domain import Interval, Plan
from services.billing.domain.line import MAX_TOTAL_MINOR
from waypost.kernel.currency import DECIMALS
from waypost.settings import Settings

PLAN_CODE = r"^[a-z0-9][a-z0-9-]*$"

PLANS = (
    Plan(code="starter", interval=Interval.MONTH, amount_minor=1_900, currency="EUR"),
    Plan(code="team", interval=Interval.MONTH, amount_minor=4_900, currency="EUR", trial_days=14),
    Plan(code="team-yearly", interval=Interval.YEAR, amount_minor=49_000, currency="EUR"),
)
MAX_TRIAL_DAYS = 365
MAX_PRICE_MINOR = MAX_TOTAL_MINOR // 2
"""A tax of 100 % may be added to it."""


def _catalogue(plans: tuple[Plan, ...]) -> tuple[Plan, ...]:
    for plan in plans:
        if not re.fullmatch(PLAN_CODE, plan.code) or len(plan.code) > 64:
            raise ValueError(
                f"{plan.code!r} is not a valid plan code: use lower-case letters, digits and hyphens, 64 at most"
            )
        if not 0 < plan.amount_minor <= MAX_PRICE_MINOR:
            raise ValueError(f"the price of {plan.code} must be between 1 and {MAX_PRICE_MINOR} minor units")
        if not 0 <= plan.trial_days <= MAX_TRIAL_DAYS:
            raise ValueError(f"the trial of {plan.code} must be between 0 and {MAX_TRIAL_DAYS} days")
        if plan.currency not in DECIMALS:
            raise ValueError(f"{plan.currency!r} is not a supported ISO 4217 currency (for example EUR, JPY, KWD)")
    twice = [code for code, times in Counter(plan.code for plan in plans).items() if times > 1]
    if twice:
        raise ValueError(f"duplicate plan codes: {', '.join(twice)}")
    return plans


class BillingSettings(Settings):
    payments_url: Annotated[str, Field(pattern=r"^https?://")]
    """The payment provider's URL."""
    payments_webhook_secret: Annotated[SecretStr, Field(min_length=16)]
    """Verifies the provider's webhooks; the provider signs with the same secret."""
    payments_previous_webhook_secret: Annotated[SecretStr, Field(min_length=16)] | None = None
    """Accepted too, while the provider's secret is replaced. Remove it when the provider signs with
    the new one only.
    """
    payments_timeout_seconds: float = Field(default=10.0, gt=0, le=50)
    """Time limit for one response of the provider. It is less than a job's 60 s, so that the job
    sees the time-out.
    """
    plans: Annotated[tuple[Plan, ...], AfterValidator(_catalogue)] = PLANS
    """The plans, as JSON. Change a price here; subscriptions keep their price until they change
    their plan.
    """

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """The secrets with which a webhook may be signed, the current one first."""
        secrets = (self.payments_webhook_secret, self.payments_previous_webhook_secret)
        return tuple(secret.get_secret_value() for secret in secrets if secret is not None)
