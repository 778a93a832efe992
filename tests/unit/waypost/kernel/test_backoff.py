"""How long a failed act waits."""

from waypost.kernel.backoff import Backoff


def test_waits_grow_are_capped_and_differ() -> None:
    backoff = Backoff(first_seconds=2.0, factor=4.0, max_seconds=60.0, jitter=0.25)
    for failures, wait in ((1, 2), (2, 8), (3, 32), (4, 60), (50, 60), (100_000, 60)):
        drawn = {backoff.seconds(failures) for _ in range(50)}
        assert len(drawn) > 1
        assert all(0.75 * wait <= each <= 1.25 * wait for each in drawn)
