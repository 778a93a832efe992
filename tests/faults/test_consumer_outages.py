"""A recreated topic, a database that ends sessions, a broker that is killed: the consumer continues
by itself (rows 18, 22 and 40).
"""

from pathlib import Path

from tests.fixtures.club import Stage
from tests.fixtures.club.stage import staged
from waypost.kafka.consumer import KafkaSubscription
from waypost.testing.database import Databases, Templates, connected
from waypost.testing.eventually import eventually
from waypost.testing.kafka import Broker
from waypost.testing.postgres import DatabaseServer

END_SESSIONS = """
select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and application_name = 'club-worker'"""
END_WAITING_SESSION = f"{END_SESSIONS} and wait_event_type = 'Lock'"


async def test_recreated_topic_is_read_from_its_beginning(stage: Stage) -> None:
    ann, bob = stage.user(), stage.user()
    old = ann.tells("Ann", "Anna", "Annie")
    await stage.topic.publish(*old)
    async with stage.consuming(stage.club.greetings):
        await eventually(lambda: stage.reached(3, consumers=1))
        await stage.recreate_topic()
        # Fewer records than before, then as many: neither an offset beyond the end nor an equal one
        # may hide new records.
        await stage.topic.publish(*bob.tells("Bob"), *old[:1])

        async def answered() -> bool:
            return await stage.greeted(ann, bob) == [[1, 2, 3], [1]]

        await eventually(answered, deadline_seconds=20)
        await stage.topic.publish(*old[1:], *ann.tells("Anne"))
        await eventually(lambda: stage.reached(5, consumers=1), deadline_seconds=20)
    assert await stage.greeted(ann, bob) == [[1, 2, 3, 4], [1]]
    assert await stage.dead_letters() == []


async def test_sessions_that_are_ended_lose_and_double_nothing(stage: Stage, postgres: str) -> None:
    people = [stage.user() for _ in range(5)]
    rounds = 40
    async with connected(postgres) as admin, stage.consuming(stage.club.members), stage.consuming(stage.club.greetings):
        await eventually(lambda: stage.reached(0))
        for round_ in range(rounds):
            await stage.topic.publish(*(event for person in people for event in person.tells(str(round_))))
            await admin.execute(END_SESSIONS, stage.database.name)
        await eventually(lambda: stage.reached(rounds * 5), deadline_seconds=30)

        async def all_flow() -> bool:
            return await stage.parked() == []

        # A record whose session was ended twice counts an attempt; the second retry follows seconds
        # after the first.
        await eventually(all_flow, deadline_seconds=30)
    assert await stage.names(*people) == [[str(number) for number in range(rounds)]] * 5
    assert await stage.greeted(*people) == [list(range(1, rounds + 1))] * 5


async def test_session_that_ends_after_the_poll_skips_no_record(stage: Stage, postgres: str) -> None:
    """The client's position is behind the polled records: it must be reset, whichever statement
    failed.
    """
    ann = stage.user()
    async with (
        connected(postgres) as admin,
        connected(stage.database.owner) as owner,
        stage.consuming(stage.club.greetings),
    ):
        await eventually(lambda: stage.reached(0, consumers=1))
        async with owner.transaction():
            await owner.execute("lock table consumer_offsets in share mode")
            await stage.topic.publish(*ann.tells("Ann"))
            await eventually(lambda: admin.fetchval(END_WAITING_SESSION, stage.database.name))
        await stage.topic.publish(*ann.tells("Anna"))
        await eventually(lambda: stage.reached(2, consumers=1), deadline_seconds=20)
    assert await stage.greeted(ann) == [[1, 2]]
    assert await stage.dead_letters() == []


async def test_consumer_survives_a_killed_broker(own_kafka: Broker, database: Databases, tmp_path: Path) -> None:
    async with staged(own_kafka.bootstrap, database, tmp_path) as stage:
        ann = stage.user()
        await stage.topic.publish(*ann.tells("Ann"))
        async with stage.consuming(stage.club.greetings, stalled_seconds=5.0):
            await eventually(lambda: stage.reached(1, consumers=1))
            await own_kafka.kill()
            await own_kafka.start()
            await stage.topic.publish(*ann.tells("Anna", "Annie"))
            await eventually(lambda: stage.reached(3, consumers=1), deadline_seconds=40)
        assert await stage.greeted(ann) == [[1, 2, 3]]


async def test_a_database_cut_off_like_by_a_power_cut(own_postgres: DatabaseServer, kafka: str, tmp_path: Path) -> None:
    async with connected(own_postgres.admin_dsn) as admin:
        databases = Databases(Templates(admin, own_postgres.admin_dsn))
        async with staged(kafka, databases, tmp_path) as stage:
            ann = stage.user()
            async with stage.consuming(stage.club.members), stage.consuming(stage.club.greetings):
                await stage.topic.publish(*ann.tells("Ann", "Anna"))
                await eventually(lambda: stage.reached(2))
                await own_postgres.stop_immediately()
                await stage.topic.publish(*ann.tells("Annie", "Anne"))
                await own_postgres.start()
                await eventually(lambda: stage.reached(4), deadline_seconds=30)
                assert await stage.names(ann) == [["Ann", "Anna", "Annie", "Anne"]]
                assert await stage.greeted(ann) == [[1, 2, 3, 4]]


async def test_a_client_that_has_gone_silent_is_replaced(stage: Stage) -> None:
    ann = stage.user()
    await stage.topic.publish(*ann.tells("Ann"))
    async with stage.consuming(stage.club.greetings, stalled_seconds=1.0) as group:
        await eventually(lambda: stage.reached(1, consumers=1))
        # As after some broker restarts: a live member of its group that fetches nothing.
        assert isinstance(group._subscription, KafkaSubscription)
        group._subscription.pause()
        await stage.topic.publish(*ann.tells("Anna"))
        await eventually(lambda: stage.reached(2, consumers=1), deadline_seconds=25)
    assert await stage.greeted(ann) == [[1, 2]]
