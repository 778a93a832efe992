"""Two processes that both think a partition is theirs: one effect, and the position only moves on (rows 27 and 28 of the fault matrix)."""

from pathlib import Path

from tests.fixtures.club import Stage
from tests.fixtures.eventually import eventually


async def test_a_frozen_consumer_that_wakes_up_cannot_move_the_position_back(stage: Stage) -> None:
    ann = stage.user()
    await stage.topic.publish(*ann.tells("Ann", "Anna"))
    # It freezes with two records in its hands. In a group of its own it is never told that another has the partition too.
    async with stage.worker(stage.club.greetings, failpoints="consumer.after_poll=stop", group="zombie") as zombie:
        await eventually(lambda: is_stopped(zombie.pid), deadline_seconds=20)

        async with stage.worker(stage.club.greetings):
            await eventually(lambda: stage.reached(2, consumers=1), deadline_seconds=20)
            await stage.topic.publish(*ann.tells("Annie", "Anne"))
            await eventually(lambda: stage.reached(4, consumers=1))

            zombie.resume()
            await eventually(lambda: "fenced" in zombie.log.read_text(), deadline_seconds=15)
            assert await stage.standing() == [4]
            await stage.topic.publish(*ann.tells("Anya"))
            await eventually(lambda: stage.reached(5, consumers=1), deadline_seconds=15)
    assert await stage.greeted(ann) == [[1, 2, 3, 4, 5]]
    assert await stage.letters() == []


async def test_a_consumer_frozen_inside_its_transaction_frees_the_partition(stage: Stage) -> None:
    ann = stage.user()
    await stage.topic.publish(*ann.tells("Ann", "Anna"))
    async with stage.worker(stage.club.members, failpoints="consumer.after_effect=stop") as zombie:
        await eventually(lambda: is_stopped(zombie.pid), deadline_seconds=20)
        async with stage.worker(stage.club.members):
            await eventually(lambda: stage.reached(2, consumers=1), deadline_seconds=40)
            zombie.resume()
            await stage.topic.publish(*ann.tells("Annie"))
            await eventually(lambda: stage.reached(3, consumers=1), deadline_seconds=25)
    assert await stage.names(ann) == [["Ann", "Anna", "Annie"]]


def is_stopped(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat").read_text()
    return status.rpartition(")")[2].split()[0] == "T"
