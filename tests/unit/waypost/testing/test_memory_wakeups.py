"""Wake-ups in memory reach the subscribers of their channel; their channels are kept in order."""

from waypost.testing.memory import MemoryWakeups


def test_a_wakeup_reaches_the_subscribers_of_its_channel_alone() -> None:
    wakeups = MemoryWakeups()
    first, second, other = wakeups.subscribe("jobs"), wakeups.subscribe("jobs"), wakeups.subscribe("outbox")
    wakeups.send("jobs")
    assert (first.is_set(), second.is_set(), other.is_set()) == (True, True, False)
    wakeups.send("outbox")
    assert wakeups.sent == ["jobs", "outbox"]
