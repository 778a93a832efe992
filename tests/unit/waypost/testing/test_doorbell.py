"""The doorbell in memory wakes the subscribers of its channel and keeps what it was rung for."""

from waypost.testing.memory import MemoryDoorbell


def test_a_ring_wakes_the_subscribers_of_its_channel_alone() -> None:
    doorbell = MemoryDoorbell()
    first, second, other = doorbell.subscribe("jobs"), doorbell.subscribe("jobs"), doorbell.subscribe("outbox")
    doorbell.ring("jobs")
    assert (first.is_set(), second.is_set(), other.is_set()) == (True, True, False)
    doorbell.ring("outbox")
    assert doorbell.rings == ["jobs", "outbox"]
