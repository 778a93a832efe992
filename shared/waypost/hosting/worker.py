"""`python -m services.<service> worker`: the relay, and a consumer per declaration."""

from waypost.engine.consumer import ConsumerGroup, ConsumerPolicy, group_name
from waypost.engine.process import Lifecycle
from waypost.engine.relay import Relay
from waypost.hosting.foundation import Foundation, lay
from waypost.hosting.running import run_with_probes
from waypost.hosting.service import Service
from waypost.hosting.settings import WorkerSettings, load
from waypost.kafka.consumer import KafkaSubscription
from waypost.kafka.producer import KafkaBroker
from waypost.ports.handlers import Consumer
from waypost.postgres.intake import PostgresIntakes
from waypost.postgres.listen import PostgresListener
from waypost.postgres.outbox.lease import PostgresOutbox


async def run_worker(service: Service) -> None:
    settings = load(WorkerSettings)
    foundation = lay(service, "worker", dsn=settings.app_dsn, pool_size=settings.pool_size)
    listener = PostgresListener(
        settings.app_dsn, ["outbox"], foundation.wakeups.wake, application_name=f"{service.name}-worker-listener"
    )
    outbox = PostgresOutbox(settings.relay_dsn, application_name=f"{service.name}-relay")
    broker = KafkaBroker(settings.kafka_bootstrap, client_id=f"{service.name}-relay")
    relay = Relay(outbox, broker, foundation.wakeups)
    consumers = [consumer_group(service, consumer, settings, foundation) for consumer in service.consumers]
    parts: list[Lifecycle] = [foundation.doorbell, listener, relay, *consumers]
    room = {each.name: each.has_room for each in consumers}
    await run_with_probes(service, foundation, parts, settings, checks=room)


def consumer_group(
    service: Service, consumer: Consumer, settings: WorkerSettings, foundation: Foundation
) -> ConsumerGroup:
    name = group_name(service.name, consumer)
    return ConsumerGroup(
        service.name,
        consumer,
        KafkaSubscription(settings.kafka_bootstrap, name),
        PostgresIntakes(foundation.database, foundation.units, consumer, name=name),
        service.codec,
        policy=ConsumerPolicy(max_open_letters=settings.max_open_letters, max_early_letters=settings.max_early_letters),
        clock=foundation.clock,
    )
