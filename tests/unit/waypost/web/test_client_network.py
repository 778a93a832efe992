"""The client of a request, behind proxies and without one."""

from ipaddress import ip_network
from typing import Any

import pytest

from waypost.web.client_network import ClientNetworks

PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


def scope(client: str | None, *forwarded: str, scheme: str = "http", proto: str | None = None) -> Any:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    if proto is not None:
        headers.append((b"x-forwarded-proto", proto.encode()))
    return {"client": client and (client, 1), "headers": headers, "scheme": scheme}


@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("testclient", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_client_is_an_ipv4_address_or_a_64(client: str | None, network: str) -> None:
    assert ClientNetworks().network_of(scope(client)) == network


@pytest.mark.parametrize(
    ("client", "forwarded", "network"),
    [
        ("192.0.2.7", ["198.51.100.1"], "192.0.2.7"),  # not a proxy: anyone can write the header
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.1"], "198.51.100.1"),  # the client wrote the first one
        ("10.0.0.1", ["203.0.113.9", "198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("fd00::1", ["2001:db8:1:2:3::4"], "2001:db8:1:2::/64"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),  # some proxies add the port
        ("10.0.0.1", ["203.0.113.9:1, 198.51.100.1:4711, 10.0.0.2:443"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8:1:2:3::4]:4711"], "2001:db8:1:2::/64"),
        ("10.0.0.1", ["[2001:db8:1:2:3::4]"], "2001:db8:1:2::/64"),
        ("10.0.0.1", ["[2001:db8:1:2:3::4]:4711, [fd00::2]:443"], "2001:db8:1:2::/64"),
        ("10.0.0.1", ["[::ffff:198.51.100.1]:4711"], "198.51.100.1"),
        ("10.0.0.1", ["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
        ("10.0.0.1", ["no address"], "unknown"),
        ("10.0.0.1", ["198.51.100.1:port"], "unknown"),
        ("10.0.0.1", ["198.51.100.1:4711:4711"], "unknown"),
        ("10.0.0.1", ["[198.51.100.1"], "unknown"),
        ("10.0.0.1", ["[]:1"], "unknown"),
        ("10.0.0.1", [], "10.0.0.1"),
    ],
)
def test_only_a_trusted_proxy_names_the_client(client: str, forwarded: list[str], network: str) -> None:
    assert ClientNetworks(PROXIES).network_of(scope(client, *forwarded)) == network


def test_without_trusted_proxies_no_header_counts() -> None:
    forged = scope("127.0.0.1", "198.51.100.1", proto="https")
    assert ClientNetworks().network_of(forged) == "127.0.0.1"
    assert not ClientNetworks().is_encrypted(forged)


def test_tls_ends_here_or_at_a_trusted_proxy() -> None:
    clients = ClientNetworks(PROXIES)
    assert clients.is_encrypted(scope("192.0.2.7", scheme="https"))
    assert clients.is_encrypted(scope("10.0.0.1", proto="https"))
    assert not clients.is_encrypted(scope("10.0.0.1", proto="http"))
    assert not clients.is_encrypted(scope("192.0.2.7", proto="https"))
