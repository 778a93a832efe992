"""How fast the relay drains an outbox, beside the fastest that its producer can do, and how soon a committed row is acknowledged.

    python -m bench.relay_drain [ROWS] [EVENTS_PER_SECOND]

Starts a PostgreSQL and a Kafka of its own in a temporary folder, both warm before they are measured. Drain and raw production are taken
in turns on the same broker, so that their ratio outlives the noise of the machine.
"""

import asyncio
import json
import os
import resource
import secrets
import statistics
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import asyncpg

from infra.postgres.databases import ServiceDatabase, ensure_database, service_database
from infra.postgres.roles import Role, ensure_roles
from infra.stack.kafka import Kafka
from infra.stack.ports import free_ports
from infra.stack.postgres import Postgres
from shared.engine.doorbell import CoalescingDoorbell, LocalWakeups
from shared.engine.relay import Relay
from shared.kafka.producer import KafkaBroker
from shared.kernel.partitioning import shard_for
from shared.ports.broker import OutgoingRecord
from shared.postgres.ddl import infrastructure
from shared.postgres.listen import PostgresListener, PostgresNotifier
from shared.postgres.outbox_lease import PostgresOutbox
