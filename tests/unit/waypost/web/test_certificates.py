"""Clients share the certificates of the process."""

import ssl

import pytest

from services.billing.adapters.provider import HttpPayments
from waypost.testing.http import caller
from waypost.web.certificates import trusted_certificates


@pytest.fixture(autouse=True)
def already_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second read fails."""
    trusted_certificates()

    def read_again(*_: object, **__: object) -> None:
        raise AssertionError("the certificates are read again")

    monkeypatch.setattr(ssl, "create_default_context", read_again)


def test_a_server_is_checked_against_them() -> None:
    certificates = trusted_certificates()
    assert (certificates.verify_mode, certificates.check_hostname) == (ssl.CERT_REQUIRED, True)


async def test_the_client_of_the_payment_provider_reads_none() -> None:
    async with HttpPayments.open("https://payments.test", timeout_seconds=1):
        pass


async def test_the_client_of_a_test_reads_none() -> None:
    async with caller("http://demo"):
        pass
