"""A record becomes a row."""

from tests.fixtures.club import User, consuming
from tests.fixtures.eventually import eventually
from tests.integration.consumer.conftest import Stage


async def test_a_projector_writes_what_it_is_told(stage: Stage) -> None:
    ann, bob = User(stage.club), User(stage.club)
    await stage.topic.publish(*ann.tells("Ann", "Anna"), *bob.tells("Bob"))

    async with consuming(stage.bootstrap, stage.pool, stage.club, stage.club.members):
        rows = await eventually(
            lambda: stage.rows("select names from members order by names", ann.tenant_id, bob.tenant_id)
        )
    assert rows == [(["Ann", "Anna"],), (["Bob"],)]


async def test_a_reactor_answers_each_event_once_in_order(stage: Stage) -> None:
    ann = User(stage.club)
    told = ann.tells("Ann", "Anna", "Annie")
    await stage.topic.publish(*told, *told)

    async def greeted() -> list[tuple[int]]:
        rows = await stage.rows("select version from greetings order by position", ann.tenant_id)
        assert len(rows) >= 3
        return rows

    async with consuming(stage.bootstrap, stage.pool, stage.club, stage.club.greetings):
        assert await eventually(greeted) == [(1,), (2,), (3,)]
