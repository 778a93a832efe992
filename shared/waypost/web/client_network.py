"""The network of a client: the key of rate limits for callers without a token."""

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import Scope

Network = IPv4Network | IPv6Network

UNKNOWN = "unknown"
"""The network of a client without an address, such as one of a Unix socket."""
REMEMBERED_ADDRESSES = 4096
IPV6_PREFIX = 64
"""A subscriber receives a /64 at least (RFC 6177), so an IPv6 address alone identifies no one."""
_WITH_PORT = re.compile(r"\[(?P<v6>[^][]+)\](?::[0-9]{1,5})?|(?P<v4>[0-9.]+):[0-9]{1,5}")


class ClientNetworks:
    """Finds the client of a request. `trusted_proxies` are the networks whose `X-Forwarded-For` and
    `X-Forwarded-Proto` count; every other client can write anything into them. An entry of the
    former is an address, or `address:port` as some proxies write it, with an IPv6 address in
    brackets.
    """

    def __init__(self, trusted_proxies: Sequence[Network] = ()) -> None:
        self._proxies = tuple(trusted_proxies)

    def network_of(self, scope: Scope) -> str:
        """The network of the nearest client that is not a trusted proxy: an IPv4 address, or the
        /64 of an IPv6 address.
        """
        peer = _peer(scope)
        if self._proxies and self._is_proxy(peer):
            for hop in reversed(_forwarded(scope, "x-forwarded-for")):
                peer = hop
                if not self._is_proxy(hop):
                    break
        return _network(peer)

    def is_encrypted(self, scope: Scope) -> bool:
        """True if the client uses TLS, to this server or to a trusted proxy."""
        if scope.get("scheme") == "https":
            return True
        return (
            bool(self._proxies)
            and self._is_proxy(_peer(scope))
            and _forwarded(scope, "x-forwarded-proto")[-1:] == ["https"]
        )

    def _is_proxy(self, host: str) -> bool:
        address = _address(host)
        return address is not None and any(address in network for network in self._proxies)


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _forwarded(scope: Scope, name: str) -> list[str]:
    values = ",".join(Headers(scope=scope).getlist(name))
    return [value.strip() for value in values.split(",") if value.strip()]


@lru_cache(REMEMBERED_ADDRESSES)
def _network(host: str) -> str:
    address = _address(host)
    if address is None:
        return UNKNOWN
    return str(ip_network((address, IPV6_PREFIX), strict=False)) if address.version == 6 else str(address)


def _without_port(host: str) -> str:
    """`192.0.2.7:4711`, `[2001:db8::7]:4711` and `[2001:db8::7]` without port and brackets. Other
    text is returned as it is.
    """
    if found := _WITH_PORT.fullmatch(host):
        return found["v6"] or found["v4"]
    return host


@lru_cache(REMEMBERED_ADDRESSES)
def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(_without_port(host))
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
