"""`python -m services.<service> worker`: runs the relay and the declared consumers."""

from dataclasses import replace
from functools import partial

from waypost.engine.consumer import ConsumerGroup, ConsumerPolicy
from waypost.engine.periodic_loop import FunctionLoop
from waypost.engine.process import Lifecycle
from waypost.engine.relay import Relay
from waypost.engine.wakeups import WakeupListener
from waypost.hosting.database_clock import DatabaseClock
from waypost.hosting.process_runner import run_with_probes
from waypost.hosting.runtime import Runtime, build_runtime
from waypost.hosting.service import Service
from waypost.hosting.settings import WorkerSettings, load
from waypost.kafka.consumer import KafkaSubscription
from waypost.kafka.producer import KafkaBroker
from waypost.kafka.topic_log import KafkaTopicLogs
from waypost.ports.consumers import Consumer, declaration_of, group_name
from waypost.postgres.consumer_transaction import PostgresConsumerTransactions
from waypost.postgres.declared_consumers import store_consumers
from waypost.postgres.listen import PostgresListener
from waypost.postgres.outbox.lease import PostgresOutbox

STORE_LIST_SECONDS = 600.0


async def run_worker(service: Service) -> None:
    settings = load(WorkerSettings)
    runtime = build_runtime(service, "worker", dsn=settings.app_dsn, pool_size=settings.pool_size)
    listener = WakeupListener(
        PostgresListener(
            settings.app_dsn, ["outbox"], runtime.wakeups.wake, application_name=f"{service.name}-worker-listener"
        )
    )
    clock = DatabaseClock(runtime.database)
    by_database_time = replace(runtime, clock=clock)
    consumers = [consumer_group(service, consumer, settings, by_database_time) for consumer in service.consumers]
    relay = outbox_relay(service, settings, runtime)
    parts: list[Lifecycle] = [
        runtime.wakeup_sender,
        listener,
        relay,
        consumer_list(service, runtime),
        clock,
        *consumers,
    ]
    progress = {consumer.name: consumer.makes_progress for consumer in consumers}
    await run_with_probes(service, runtime, parts, settings, checks={relay.name: relay.makes_progress, **progress})


def consumer_list(service: Service, runtime: Runtime) -> FunctionLoop:
    """The loop that stores the declared consumers, which a command lists. It repeats, because a
    worker of an older release may start later and store its own list.
    """
    declared = [declaration_of(service.name, consumer) for consumer in service.consumers]
    return FunctionLoop(
        partial(store_consumers, runtime.database, declared), name="consumer list", every_seconds=STORE_LIST_SECONDS
    )


def outbox_relay(service: Service, settings: WorkerSettings, runtime: Runtime) -> Relay:
    outbox = PostgresOutbox(settings.relay_dsn, application_name=f"{service.name}-relay")
    broker = KafkaBroker(settings.brokers, client_id=f"{service.name}-relay")
    return Relay(outbox, broker, runtime.wakeups)


def transactions_per_consumer(pool_size: int, consumers: int) -> int:
    """Each consumer's share of the pool: two whose tables are locked leave one connection to the
    other consumers and to the probes.
    """
    return max((pool_size - 1) // min(consumers, 2), 1)


def consumer_group(service: Service, consumer: Consumer, settings: WorkerSettings, runtime: Runtime) -> ConsumerGroup:
    name = group_name(service.name, consumer)
    max_transactions = transactions_per_consumer(settings.pool_size, len(service.consumers))
    return ConsumerGroup(
        service.name,
        consumer,
        KafkaSubscription(settings.brokers, name),
        PostgresConsumerTransactions(
            runtime.database,
            runtime.units,
            consumer,
            name=name,
            max_open_transactions=max_transactions,
        ),
        service.codec,
        policy=ConsumerPolicy(
            max_dead_letters=settings.max_dead_letters,
            max_out_of_order_dead_letters=settings.max_out_of_order_dead_letters,
            # Retries of slow handlers leave a connection to the partitions.
            retried_keys=max(min(ConsumerPolicy().retried_keys, max_transactions - 1), 1),
        ),
        clock=runtime.clock,
        logs=KafkaTopicLogs(settings.brokers),
    )
