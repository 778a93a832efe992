"""Addresses and names in the form in which a mail server receives them."""

from email.parser import HeaderParser
from email.policy import SMTPUTF8

import pytest

from services.notifications.adapters.headers import mailbox
from services.notifications.domain.proved_address import ascii_domain
from services.users.domain.email import email_address


@pytest.mark.parametrize(
    ("domain", "delivered"),
    [
        ("straße.de", "xn--strae-oqa.de"),  # strasse.de, the answer of IDNA 2003, is another company
        ("faß.de", "xn--fa-hia.de"),
        ("βόλος.com", "xn--nxasmm1c.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("xn--strae-oqa.de", "xn--strae-oqa.de"),
        ("EXAMPLE.com", "example.com"),
    ],
)
def test_a_mail_is_delivered_to_the_domain_that_was_validated(domain: str, delivered: str) -> None:
    assert email_address(f"ceo@{domain}") == f"ceo@{delivered}"
    assert ascii_domain(email_address(f"ceo@{domain}")) == f"ceo@{delivered}"


@pytest.mark.parametrize("address", ["ada@example.test", "jürgen@example.test"])
@pytest.mark.parametrize("name", ["Ann", 'Ann "A", Lee', "Jürgen", "=?utf-8?q?Ann?="])
def test_each_name_is_written_with_each_address(name: str, address: str) -> None:
    header = HeaderParser(policy=SMTPUTF8).parsestr(f"To: {mailbox(name, address)}\n\n")["To"]
    [parsed] = header.addresses
    assert (parsed.display_name, parsed.addr_spec) == (name, address)
