"""A log loses records that consumers have processed, and grows again under the same topic id
(finding A5): consumers read it again from its beginning.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.fixtures.club import Stage
from tests.fixtures.club.stage import staged
from tests.fixtures.club.topic import User
from waypost.engine.consumer import ConsumerGroup
from waypost.engine.consumer.truncation import LogTruncated
from waypost.native.kafka import Kafka
from waypost.native.ports import free_ports
from waypost.testing.database import Databases
from waypost.testing.eventually import eventually
from waypost.testing.folders import scratch_folder

RECOVERY_SECONDS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """A consumer's topic whose log a test removes."""

    stage: Stage
    broker: Kafka
    folder: Path

    async def lose_log(self) -> None:
        """Restarts the broker without the records, as after the restore of a disk."""
        await self.broker.stop()
        (log,) = self.folder.rglob(f"{self.stage.club.topic}-0")
        for file in log.iterdir():
            if file.name != "partition.metadata":
                file.unlink()
        await self.broker.start()

    async def publish(self, people: list[User]) -> None:
        await self.stage.topic.publish(*(event for person in people for event in person.tells("Ann")))

    def users(self, number: int) -> list[User]:
        return [self.stage.user() for _ in range(number)]


@pytest.fixture
async def damaged(database: Databases, tmp_path: Path) -> AsyncIterator[Damaged]:
    port, controller_port = free_ports(2)
    with scratch_folder(in_memory=True) as folder:
        broker = Kafka(folder / "kafka", port=port, controller_port=controller_port)
        await broker.start()
        try:
            async with staged(broker.bootstrap, database, tmp_path) as stage:
                yield Damaged(stage=stage, broker=broker, folder=folder)
        finally:
            await broker.kill()


async def loss_reported_by(group: ConsumerGroup) -> str:
    try:
        await group.makes_progress()
    except LogTruncated as error:
        return str(error)
    return ""


async def are_handled(stage: Stage, name: str, people: list[User]) -> bool:
    if name == "members":
        return await stage.names(*people) == [["Ann"]] * len(people)
    return await stage.greeted(*people) == [[1]] * len(people)


@pytest.mark.parametrize("name", ["members", "greetings"])
@pytest.mark.parametrize("records_after", [3, 7])
async def test_log_that_lost_its_records_while_the_consumer_was_away(
    damaged: Damaged, name: str, records_after: int
) -> None:
    """The log is shorter than the position, or longer."""
    stage = damaged.stage
    consumer = stage.club.members if name == "members" else stage.club.greetings
    before, after = damaged.users(5), damaged.users(records_after)
    await damaged.publish(before)
    async with stage.consuming(consumer) as group:
        await eventually(lambda: are_handled(stage, name, before))
        assert not await loss_reported_by(group)
    await damaged.lose_log()
    await damaged.publish(after)

    with capture_logs() as logs:
        async with stage.consuming(consumer) as group:
            await eventually(lambda: are_handled(stage, name, [*before, *after]))
            assert "waypost events republish" in await loss_reported_by(group)
        async with stage.consuming(consumer) as group:
            await group.ready.wait()
            await damaged.publish([late := stage.user()])
            await eventually(lambda: are_handled(stage, name, [*before, *after, late]))
            assert not await loss_reported_by(group)
    (reported,) = (entry for entry in logs if entry["event"] == "log_truncated")
    assert reported["position"] == 5
    assert await stage.dead_letters() == []


@pytest.mark.parametrize("name", ["members", "greetings"])
async def test_log_that_lost_its_records_under_a_running_consumer(damaged: Damaged, name: str) -> None:
    """It is frozen meanwhile, so that it polls the log only when it is longer than its position. It
    stays in its group: only the watch can notice.
    """
    stage = damaged.stage
    consumer = stage.club.members if name == "members" else stage.club.greetings
    before, after = damaged.users(5), damaged.users(7)
    await damaged.publish(before)
    async with stage.worker(consumer, group="frozen") as worker:
        await eventually(lambda: are_handled(stage, name, before), deadline_seconds=RECOVERY_SECONDS)
        worker.pause()
        await damaged.lose_log()
        await damaged.publish(after)
        worker.resume()
        await eventually(lambda: are_handled(stage, name, [*before, *after]), deadline_seconds=RECOVERY_SECONDS)
    assert "log_truncated" in worker.log.read_text()
    assert await stage.dead_letters() == []


async def test_new_leader_with_all_records_repeats_no_effect(damaged: Damaged) -> None:
    stage, people = damaged.stage, damaged.users(5)
    await damaged.publish(people)
    with capture_logs() as logs:
        async with stage.consuming(stage.club.greetings) as group:
            await eventually(lambda: are_handled(stage, "greetings", people))
            await damaged.broker.stop()
            await damaged.broker.start()

            async def noticed() -> bool:
                return any(entry["event"] == "leader_elected" for entry in logs)

            await eventually(noticed, deadline_seconds=RECOVERY_SECONDS)
            await damaged.publish([late := stage.user()])
            await eventually(
                lambda: are_handled(stage, "greetings", [*people, late]), deadline_seconds=RECOVERY_SECONDS
            )
            assert not await loss_reported_by(group)
    assert [entry for entry in logs if entry["event"] == "log_truncated"] == []
