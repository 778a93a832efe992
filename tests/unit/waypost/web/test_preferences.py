"""The header field Prefer (RFC 7240)."""

import pytest

from waypost.web.preferences import wait_seconds


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ([], None),
        (["wait=5"], 5),
        (["Wait = 5 "], 5),
        (['wait="5"'], 5),
        (["respond-async, wait=3"], 3),
        (["respond-async", "wait=3"], 3),
        (["wait=3, wait=9"], 3),
        (["wait=3; why=a b"], 3),
        (["wait=0"], 0),
        (["wait=600"], 10),
        (["wait=1e3"], None),
        (["wait=-1"], None),
        (["wait=٣"], None),
        (["wait"], None),
        (["await=3"], None),
        (["wait=" + "9" * 5000], None),
    ],
)
def test_the_seconds_of_the_preference(fields: list[str], seconds: int | None) -> None:
    assert wait_seconds(fields) == seconds
