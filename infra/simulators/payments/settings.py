"""What the payment provider reads from the environment."""

from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, HttpUrl, SecretStr, model_validator

from infra.serving import ServingSettings


class PaymentsSettings(ServingSettings):
    port_offset: ClassVar[int] = 10

    data_directory: Path = Path(".waypost")
    payments_webhook_url: HttpUrl | None = None
    payments_webhook_secret: SecretStr | None = None
    payments_webhook_timeout_seconds: float = Field(default=5.0, gt=0)
    payments_webhook_first_retry_seconds: float = Field(default=0.5, gt=0)
    payments_webhook_longest_retry_seconds: float = Field(default=30.0, gt=0)
    payments_slow_card_seconds: float = Field(default=8.0, ge=0)
    payments_key_lifetime_seconds: float = Field(
        default=86_400.0, gt=0, description="providers forget keys after a day"
    )

    @model_validator(mode="after")
    def _webhooks_are_signed(self) -> Self:
        if self.payments_webhook_url and not self.payments_webhook_secret:
            raise ValueError(
                "set WAYPOST_PAYMENTS_WEBHOOK_SECRET: webhooks to WAYPOST_PAYMENTS_WEBHOOK_URL are signed with it"
            )
        return self
