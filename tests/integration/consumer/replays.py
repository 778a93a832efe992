"""Replays of the club's reactor, as the command runs them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.fixtures.club import Stage, opened
from waypost.engine.operator_rate import OperatorRate
from waypost.engine.replay import Redelivered, SelectedEvents, Selection
from waypost.hosting.replay import Replay, opened_replay
from waypost.hosting.service import Service
from waypost.kernel.audit_context import AuditContext
from waypost.ports.consumers import Reactor
from waypost.postgres.audit import OperatorAction, operator_actions
from waypost.testing.eventually import eventually

AUDIT = AuditContext(operator="grace", reason="the greetings were lost")


@asynccontextmanager
async def replaying(stage: Stage, reactor: Reactor | None = None) -> AsyncIterator[Replay]:
    reactor = reactor or stage.club.greetings
    service = Service(name="club", codec=stage.club.codec, commands={}, projections=[], consumers=[reactor])
    async with opened_replay(service, reactor, dsn=stage.database.app, bootstrap=stage.bootstrap) as replay:
        yield replay


async def found(stage: Stage, **chosen: Any) -> SelectedEvents:
    async with replaying(stage) as replay:
        return await replay.find(Selection(**chosen))


async def replayed(stage: Stage, reactor: Reactor | None = None, **chosen: Any) -> Redelivered:
    async with replaying(stage, reactor) as replay:
        return await replay.deliver(await replay.find(Selection(**chosen)), AUDIT, rate=OperatorRate())


async def consumed(stage: Stage, records: int) -> None:
    async with stage.consuming(stage.club.greetings):
        await eventually(lambda: stage.reached(records, consumers=1))


async def audited(stage: Stage) -> list[OperatorAction]:
    """Oldest first."""
    async with opened(stage.database.ops) as ops:
        return list(reversed(await operator_actions(ops)))
