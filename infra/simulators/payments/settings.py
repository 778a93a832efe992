"""Settings of the payment provider."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field, HttpUrl, SecretStr, ValidationInfo, field_validator

from infra.http_process import ServingSettings


class PaymentsSettings(ServingSettings):
    port_offset: ClassVar[int] = 10

    data_directory: Path = Path(".waypost")
    payments_webhook_url: HttpUrl | None = None
    payments_webhook_secret: SecretStr | None = Field(default=None, validate_default=True)
    payments_webhook_timeout_seconds: float = Field(default=5.0, gt=0)
    payments_webhook_first_retry_seconds: float = Field(default=0.5, gt=0)
    payments_webhook_longest_retry_seconds: float = Field(default=30.0, gt=0)
    payments_slow_card_seconds: float = Field(default=8.0, ge=0)
    payments_key_lifetime_seconds: float = Field(
        default=86_400.0, gt=0, description="providers forget keys after a day"
    )

    @field_validator("payments_webhook_secret")
    @classmethod
    def _webhooks_are_signed(cls, secret: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        if secret is None and others.data.get("payments_webhook_url"):
            raise ValueError("webhooks to WAYPOST_PAYMENTS_WEBHOOK_URL are signed with it")
        return secret
