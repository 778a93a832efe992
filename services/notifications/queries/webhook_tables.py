"""Tables of outgoing webhooks: endpoints, their secrets, their changes, and deliveries."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

WEBHOOKS = MetaData()

webhook_endpoints = Table(
    "webhook_endpoints",
    WEBHOOKS,
    Column("tenant_id", Uuid, nullable=False),
    Column("endpoint_id", Uuid, nullable=False),
    Column("url", Text, nullable=False),
    Column("event_types", ARRAY(Text), nullable=False),
    Column("subscribed_since", JSONB, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("disabled_reason", Text),
    Column("disabled_at", DateTime(timezone=True)),
    Column("disabled_periods", JSONB, nullable=False, server_default=text("'[]'")),
    Column("version", BigInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("failing_since", DateTime(timezone=True)),
    Column("unanswered", Integer, nullable=False),
    Column("answers_slowly", Boolean, nullable=False),
    Column("resume_at", DateTime(timezone=True)),
    Column("lease", Uuid),
    Column("leased_until", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant_id", "endpoint_id"),
)
"""A URL may contain a secret of its receiver: it is in this row only, never in an event or a log.
`subscribed_since`: when the endpoint subscribed to each type. `disabled_periods`: pairs of times,
at which the endpoint was disabled and enabled again (`domain.webhook_pauses`). `unanswered`: the
last batches in a row without any HTTP answer. `lease` belongs to the one job that sends to the
endpoint now.
"""

webhook_secrets = Table(
    "webhook_secrets",
    WEBHOOKS,
    Column("tenant_id", Uuid, nullable=False),
    Column("endpoint_id", Uuid, nullable=False),
    Column("secret_id", Uuid, nullable=False),
    Column("sealing_key_id", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant_id", "endpoint_id", "secret_id"),
)
"""The secrets that sign, sealed. The current one has no end."""

webhook_changes = Table(
    "webhook_changes",
    WEBHOOKS,
    Column("tenant_id", Uuid, nullable=False),
    Column("endpoint_id", Uuid, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("change", Text, nullable=False),
    Column("actor_id", Uuid),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tenant_id", "endpoint_id", "version"),
    Index("webhook_changes_by_age", "tenant_id", "changed_at"),
)
"""The history of endpoints: the changed parts without their values, the time, and the actor."""

webhook_deliveries = Table(
    "webhook_deliveries",
    WEBHOOKS,
    Column("tenant_id", Uuid, nullable=False),
    Column("delivery_id", Uuid, nullable=False),
    Column("endpoint_id", Uuid, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("object_id", Uuid, nullable=False),
    Column("object_version", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("last_status_code", Integer),
    Column("last_failure", Text),
    Column("last_attempt_at", DateTime(timezone=True)),
    Column("next_attempt_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("settled_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant_id", "delivery_id"),
    Index("webhook_deliveries_log", "tenant_id", "endpoint_id", "created_at", "delivery_id"),
    Index("webhook_deliveries_by_age", "tenant_id", "created_at"),
    Index(
        "webhook_deliveries_due",
        "tenant_id",
        "endpoint_id",
        "next_attempt_at",
        "object_version",
        postgresql_where=text("status = 'pending'"),
    ),
    Index(
        "webhook_deliveries_failed",
        "tenant_id",
        "endpoint_id",
        "created_at",
        "delivery_id",
        postgresql_where=text("status = 'failed'"),
    ),
    Index("webhook_deliveries_in_order", "tenant_id", "endpoint_id", "object_id", "object_version"),
)
"""One row per event and subscribed endpoint. `attempts` are all requests; `failures` those since
the delivery was created or redelivered, counted before each request.
"""
