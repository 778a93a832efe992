"""The story of `make demo`, on a whole stack of its own: every step is observed where an outsider
would look.
"""

import pytest

from tests.fixtures.stack import CommandLine

# Some twenty processes start, on as many cores as there are.
pytestmark = pytest.mark.timeout(300)

SEEN = [
    "users.user[",
    "mail “Welcome",
    "billing opened a customer",
    "one charge at the provider",
    "mail “Receipt",
    "the live view",
    "spans under one trace id",
    "equal to the live ones",
]


async def test_from_sign_up_to_the_paid_invoice(stack: CommandLine) -> None:
    told = await stack("demo")
    assert told.code == 0, told.text
    assert [each for each in SEEN if each not in told.text] == []
    assert (await stack("status")).code == 1, "it ends what it started"
