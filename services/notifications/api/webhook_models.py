"""Bodies of the routes of webhooks."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from services.notifications.domain.webhook_catalogue import WebhookEventType
from services.notifications.domain.webhook_url import MAX_URL_CHARACTERS
from waypost.web.models import Moment, RequestModel, ResponseModel

LONGEST_OVERLAP = timedelta(days=7)

_URL = "https://hooks.example.com/waypost"
Url = Annotated[
    str,
    Field(
        min_length=8,
        max_length=MAX_URL_CHARACTERS,
        pattern="^https?://",
        examples=[_URL],
        json_schema_extra={"format": "uri"},
        description="An https URL with a public domain name, at port 443 or 8443.",
    ),
]
EventTypes = Annotated[Sequence[WebhookEventType], Field(min_length=1, max_length=len(WebhookEventType))]


class NewWebhookEndpoint(RequestModel):
    url: Url
    event_types: EventTypes


class WebhookEndpointChange(RequestModel):
    """Omitted fields stay unchanged."""

    url: Url | None = None
    event_types: EventTypes | None = None
    enabled: bool | None = None


class SecretRotation(RequestModel):
    overlap_seconds: int = Field(
        default=86_400,
        ge=0,
        le=int(LONGEST_OVERLAP.total_seconds()),
        description="How long the earlier secrets sign too. With 0 they end at once: for a secret that leaked.",
    )


class Redelivery(RequestModel):
    since: Moment
    """Failed deliveries that were created from this time on are sent again."""


class WebhookEndpointView(ResponseModel):
    endpoint_id: UUID
    url: str = Field(examples=[_URL])
    event_types: Sequence[str] = Field(examples=[["invoice.paid"]])
    enabled: bool
    disabled_reason: str | None = Field(examples=["failing"])
    """One of: requested, gone (the endpoint answered 410), failing (without a success for days)."""
    disabled_at: datetime | None
    failing_since: datetime | None
    """The first failure since the last success, or since nothing waited."""
    earlier_secrets_valid_until: datetime | None
    """The time until which earlier secrets sign too."""
    created_at: datetime
    version: int


class NewWebhookEndpointView(WebhookEndpointView):
    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], repr=False)
    """Shown once. Verifies the signatures of webhooks."""


class NewSecretView(ResponseModel):
    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], repr=False)
    """Shown once."""
    earlier_secrets_valid_until: datetime | None


class WebhookChangeView(ResponseModel):
    version: int
    change: str = Field(examples=["url, event_types"])
    """The changed parts: created, url, event_types, enabled, secret, or `disabled: <reason>`."""
    actor_id: UUID | None
    """The user who changed it; null for a change by itself."""
    changed_at: datetime


class DeliveryView(ResponseModel):
    delivery_id: UUID
    """Also the header `webhook-id` of each attempt."""
    endpoint_id: UUID
    event_type: str = Field(examples=["invoice.paid"])
    object_id: UUID
    object_version: int
    status: str = Field(examples=["delivered"])
    """One of: pending, delivered, failed."""
    attempts: int
    last_status_code: int | None = Field(examples=[200])
    last_failure: str | None = Field(examples=["timeout"])
    """Why the last attempt failed: `status` (see `last_status_code`), `redirect`, `timeout`, `tls`,
    `no_connection`, `no_answer`, `no_public_address` (the host is unknown, or has no public
    address), `url_refused` or `interrupted`.
    """
    last_attempt_at: datetime | None
    next_attempt_at: datetime | None
    """The earliest time of the next attempt. A delivery also waits for earlier versions of its
    object.
    """
    created_at: datetime
    settled_at: datetime | None


class DeliveryWithBody(DeliveryView):
    body: str = Field(examples=['{"type":"invoice.paid"}'])
    """The body as it is signed and sent."""


class EventTypeView(ResponseModel):
    type: WebhookEventType
    description: str
    example: Mapping[str, Any]
    """The body of such a webhook."""
