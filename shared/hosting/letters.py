"""A consumer's retries without the consumer: for an operator who works a parked key off from outside of its processes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.engine.consumer import ConsumerPolicy, group_name
from shared.engine.consumer.drain import Drain
from shared.engine.consumer.effects import effects_of
from shared.engine.consumer.message import Reader
from shared.hosting.operating import laid_for_a_command
from shared.hosting.service import Service
from shared.ports.handlers import Consumer
from shared.postgres.intake import PostgresIntakes


@asynccontextmanager
async def opened_retries(service: Service, consumer: Consumer, *, dsn: str) -> AsyncIterator[Drain]:
    """With the handlers' own rights: `dsn` is that of `<service>_app`."""
    async with laid_for_a_command(service, dsn=dsn) as foundation:
        name = group_name(service.name, consumer)
        intakes = PostgresIntakes(foundation.database, foundation.units, consumer, name=name)
        reader, effects = Reader.of(consumer, service.codec), effects_of(consumer, name)
        yield Drain(name, intakes, reader, effects, ConsumerPolicy(), foundation.clock)
