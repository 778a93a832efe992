"""Rebuilds of the club's projection, with the product's own parts."""

from typing import Any

from tests.fixtures.club import Stage, User
from waypost.engine.rebuild import RebuildReport, rebuild_async_projection
from waypost.kafka.topic_log import KafkaTopicLogs
from waypost.postgres.rebuild import PostgresShadowFactory
from waypost.testing.eventually import eventually


def shadow_factory(stage: Stage) -> PostgresShadowFactory:
    return PostgresShadowFactory("club", stage.club.members, app_dsn=stage.database.app, owner_dsn=stage.database.owner)


async def rebuilt(stage: Stage, *, logs: KafkaTopicLogs | None = None, **options: Any) -> RebuildReport:
    logs = logs or KafkaTopicLogs(stage.bootstrap)
    return await rebuild_async_projection(stage.club.members, shadow_factory(stage), logs, stage.club.codec, **options)


async def live(stage: Stage, people: list[User]) -> None:
    """Lets the live projection process one or two names of every user."""
    events = [event for person in people for event in person.tells("first", "second")]
    await stage.topic.publish(*events, *events[:2])
    async with stage.consuming(stage.club.members):
        await eventually(lambda: stage.reached(len(events) + 2, consumers=1))
