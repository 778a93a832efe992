"""The patches apply; `make planted` shows that each bug is found."""

import pytest

from infra.stack.places import CHECKOUT
from tests.planted.bug import Bug, all_bugs


@pytest.mark.parametrize("bug", all_bugs(), ids=lambda bug: bug.name)
def test_a_bug_fits_the_code_and_names_tests_that_there_are(bug: Bug) -> None:
    bug.fits(CHECKOUT)
    assert bug.found_by
    assert [test for test in bug.found_by if not (CHECKOUT / test.partition("::")[0]).exists()] == []
