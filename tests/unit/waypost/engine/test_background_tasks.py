"""Every background task survives an unexpected error: it continues, and its `ready` event shows
when it works again.
"""

import asyncio
import importlib
import pkgutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

import services
import waypost
from services.billing.live import view
from services.billing.live.topology import Topology
from tests.unit.waypost.engine.trouble import Opening, Trouble
from waypost.engine.consumer import ConsumerGroup, ConsumerPolicy
from waypost.engine.consumer.dead_letters.retry_timer import RetryTimer
from waypost.engine.outbox_limit import OutboxLimit
from waypost.engine.periodic_loop import FunctionLoop, PeriodicLoop
from waypost.engine.process import Lifecycle
from waypost.engine.relay import Relay
from waypost.engine.wakeups import CoalescingWakeupSender, LocalWakeups, WakeupListener
from waypost.hosting.database_clock import DatabaseClock
from waypost.hosting.retention_sweeper import RetentionSweeper
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job, JobRegistry, Scheduled
from waypost.jobs.schedule import Scheduler
from waypost.jobs.worker import JobWorker
from waypost.jobs.worker.loop import JobWorkerSettings
from waypost.jobs.worker.session import WorkerSession
from waypost.kernel.backoff import Backoff
from waypost.kernel.clock import SystemClock
from waypost.ports.consumers import Reactor
from waypost.ports.subscription import Partition
from waypost.testing.eventually import eventually

PARTITION = Partition("users.user", 0)
AT_ONCE = Backoff(first_seconds=0.01, factor=1.0)
ERRORS = [
    asyncpg.ProgramLimitExceededError("too many notifications in the NOTIFY queue"),
    asyncpg.InsufficientPrivilegeError("permission denied"),
    RuntimeError("a surprise"),
    asyncio.CancelledError("of something that the task waited for"),
]


async def no_tenants(_: Any) -> list[Any]:
    return []


async def no_work(_: JobContext) -> None: ...


def wakeup_sender(error: BaseException, _: pytest.MonkeyPatch) -> tuple[Lifecycle, Trouble]:
    trouble = Trouble(error)
    wakeup = CoalescingWakeupSender(LocalWakeups(), SimpleNamespace(notify=trouble.notify, close=closed))
    wakeup.send("jobs")
    return wakeup, trouble


async def closed() -> None: ...


def listener(error: BaseException, _: pytest.MonkeyPatch) -> tuple[Lifecycle, Trouble]:
    trouble = Trouble(error)
    return WakeupListener(SimpleNamespace(listen=trouble.listen)), trouble


def outbox_limit(error: BaseException, _: pytest.MonkeyPatch) -> tuple[Lifecycle, Trouble]:
    trouble = Trouble(error)
    return OutboxLimit(trouble.count, rows=1), trouble


def retention_sweeper(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> tuple[Lifecycle, Trouble]:
    monkeypatch.setattr("waypost.hosting.retention_sweeper.BACKOFF", AT_ONCE)
    trouble = Opening(error)
    database: Any = SimpleNamespace(transaction=trouble.transaction)
    return RetentionSweeper(database), trouble


def database_clock(error: BaseException, _: pytest.MonkeyPatch) -> tuple[Lifecycle, Trouble]:
    trouble = Opening(error)
    database: Any = SimpleNamespace(statements=trouble.statements)
    clock = DatabaseClock(database)
    clock._every_seconds = 0.01
    return clock, trouble


def scheduler(error: BaseException, _: pytest.MonkeyPatch) -> tuple[Lifecycle, Trouble]:
    trouble = Opening(error)
    database: Any = SimpleNamespace(transaction=trouble.transaction)
    schedule = [Scheduled("no_work", every=timedelta(hours=1))]
    registry = JobRegistry([Job(no_work)])
    wakeup: Any = None
    return Scheduler(database, schedule, registry, no_tenants, clock=SystemClock(), wakeup_sender=wakeup), trouble


def retry_timer(error: BaseException, _: pytest.MonkeyPatch) -> tuple[Lifecycle, Trouble]:
    trouble = Trouble(error)
    drain: Any = SimpleNamespace(select_due=trouble.select_due)
    return RetryTimer("club.readers", drain, ConsumerPolicy()), trouble


def relay(error: BaseException, _: pytest.MonkeyPatch) -> tuple[Lifecycle, Trouble]:
    trouble, opening = Trouble(error), Opening(error)
    opening.met = trouble.met
    outbox: Any = SimpleNamespace(backlog=trouble.backlog)
    broker: Any = SimpleNamespace(publisher=opening.publisher)
    relay = Relay(outbox, broker, LocalWakeups())
    relay._gauge_loop._every_seconds = 0.01
    return relay, trouble


def live_view(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> tuple[Lifecycle, Trouble]:
    trouble = Trouble(error)
    monkeypatch.setattr(Topology, "build", lambda *_: trouble.meet("build"))
    codec: Any = None
    return view.LiveView("127.0.0.1:1", codec), trouble


def joining_group(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> tuple[Lifecycle, Trouble]:
    return consumer_group(error, monkeypatch, joins=False)


def assigned_group(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> tuple[Lifecycle, Trouble]:
    return consumer_group(error, monkeypatch, joins=True)


def consumer_group(error: BaseException, monkeypatch: pytest.MonkeyPatch, *, joins: bool) -> tuple[Lifecycle, Trouble]:
    """A consumer group that cannot join, or one that joined and gets errors of its clients."""
    monkeypatch.setattr("waypost.engine.consumer.group.JOIN_PAUSES", AT_ONCE)
    trouble, opening = Trouble(error), Opening(error)
    opening.met = trouble.met

    async def join(_: Any, group: ConsumerGroup) -> None:
        task: Any = SimpleNamespace(partition=PARTITION, end=ended, ended=closed)
        group._assigned, group._tasks = frozenset([PARTITION]), {PARTITION: task}

        async def commit(_: Any) -> None:
            group._advanced[PARTITION] = 7
            await trouble.commit()

        group._advanced[PARTITION] = 7
        subscription.commit = commit

    subscription: Any = SimpleNamespace(
        join=join, rejoin=closed, leave=closed, topic_states=trouble.topic_states, commit=trouble.commit
    )
    if not joins:
        subscription.join = trouble.join
    transactions: Any = SimpleNamespace(begin=opening.due)
    codec: Any = None
    policy = ConsumerPolicy(commit_seconds=0.01, check_seconds=0.01)
    return ConsumerGroup("club", Reactor("readers", {}), subscription, transactions, codec, policy=policy), trouble


async def ended(_: float) -> None: ...


def job_worker(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> tuple[Lifecycle, Trouble]:
    opening = Opening(error)
    monkeypatch.setattr(WorkerSession, "connected", lambda _: opening.autocommit())
    database: Any = SimpleNamespace(dsn="", reserve=lambda _: None)
    units: Any = None
    worker = JobWorker(
        database,
        units,
        JobRegistry([Job(no_work)]),
        clock=SystemClock(),
        wakeup=asyncio.Event(),
        resources=no_resources,
        settings=JobWorkerSettings(lease_seconds=0.03, poll_seconds=0.01),
    )
    return worker, opening


@asynccontextmanager
async def no_resources() -> AsyncIterator[None]:
    yield


TASKS = [
    *(wakeup_sender, listener, outbox_limit, retention_sweeper, scheduler, database_clock),
    *(retry_timer, relay, live_view, joining_group, assigned_group, job_worker),
]
Builder = Callable[[BaseException, pytest.MonkeyPatch], tuple[Lifecycle, Trouble]]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("build", TASKS, ids=lambda build: build.__name__)
async def test_task_continues_after_an_unexpected_error(
    build: Builder, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    part, trouble = build(error, monkeypatch)
    before = asyncio.all_tasks()
    with capture_logs():
        await part.start()
        await eventually(lambda: trouble.met and min(trouble.met.values()) >= 3)
        assert not part.ready.is_set()
        await part.drain(0.1)
        await part.stop()
        await part.stop()
    assert asyncio.all_tasks() == before


def loops_of(part: object) -> Iterator[PeriodicLoop]:
    if isinstance(part, PeriodicLoop):
        yield part
    yield from (each for each in vars(part).values() if isinstance(each, PeriodicLoop))


def all_loops(kind: type[PeriodicLoop]) -> set[type[PeriodicLoop]]:
    found = {each for each in kind.__subclasses__() if each.__module__.startswith(("waypost.", "services."))}
    return found.union(*(all_loops(each) for each in found))


async def test_every_loop_is_covered(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in (waypost, services):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith(("__main__", ".env")) and ".versions" not in module.name:
                importlib.import_module(module.name)
    tried = {type(loop) for build in TASKS for loop in loops_of(build(RuntimeError(), monkeypatch)[0])}
    assert all_loops(PeriodicLoop) - {FunctionLoop} <= tried
