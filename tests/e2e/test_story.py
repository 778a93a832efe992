"""The story of `make demo` on a separate stack: every step is observed from outside."""

import pytest

from tests.fixtures.stack import CommandLine

# Some twenty processes start, on any number of cores.
pytestmark = pytest.mark.timeout(300)

SEEN = [
    "users.user[",
    "mail “Welcome",
    "mail “You are invited",
    "an admin whose address is verified",
    "billing opened a customer",
    "one charge at the provider",
    "mail “Receipt",
    "the live view",
    "spans of three services under one trace id",
    "equal to the live ones",
]


async def test_from_sign_up_to_the_paid_invoice(stack: CommandLine) -> None:
    told = await stack("demo")
    assert told.code == 0, told.text
    assert [record for record in SEEN if record not in told.text] == []
    assert (await stack("status")).code == 1, "it stops the stack that it started"
