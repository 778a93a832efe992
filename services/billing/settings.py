"""What a billing process reads from its environment."""

from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class BillingSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="WAYPOST_", extra="ignore", frozen=True)

    payments_url: Annotated[str, Field(pattern=r"^https?://")]
    """The payment provider."""
    payments_webhook_secret: Annotated[SecretStr, Field(min_length=16)]
    """Signs the provider's webhooks; the provider has the same."""
    payments_timeout_seconds: float = Field(default=10.0, gt=0, le=50)
    """For one answer of the provider. Less than a job's 60 s, so that the job sees it pass."""
