"""Test processes beside each other draw from shares that do not touch."""

from itertools import pairwise

from waypost.testing.ports import MARGIN, share


def test_shares_do_not_overlap_and_leave_a_margin() -> None:
    whole = range(22_000, 32_000)
    shares = [share(whole, index, 4) for index in range(4)]
    for one, following in pairwise(shares):
        assert one.stop + MARGIN <= following.start
    assert shares[0].start == whole.start
    assert shares[-1].stop + MARGIN <= whole.stop
