"""The addresses to which webhooks may be sent: global unicast ones. The networks are listed here,
because `ipaddress.is_global` differs between the supported versions of Python.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

_REFUSED_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network (RFC 791)
            "10.0.0.0/8",  # private (RFC 1918)
            "100.64.0.0/10",  # carrier-grade NAT (RFC 6598), and metadata of some clouds
            "127.0.0.0/8",  # loopback
            "169.254.0.0/16",  # link-local, with the metadata address 169.254.169.254
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments (RFC 6890), and metadata of some clouds
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # 6to4 relays (RFC 7526)
            "192.168.0.0/16",  # private
            "198.18.0.0/15",  # benchmarks (RFC 2544)
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "168.63.129.16/32",  # metadata and health probes of a cloud, on a public address
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
"""All other addresses are refused: loopback, unique local, link-local, multicast, IPv4-mapped
(::ffff:0:0/96), IPv4-compatible, and NAT64 (64:ff9b::/96 and 64:ff9b:1::/48).
"""
_REFUSED_V6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments, among them Teredo, which embeds IPv4 addresses
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4, which embeds IPv4 addresses
            "3fff::/20",  # documentation (RFC 9637)
        ),
    )
)


def is_public(address: str, refused: Sequence[Network] = ()) -> bool:
    """Whether a webhook may be sent to the address, in the form of `getaddrinfo`. `refused`: more
    networks of the operator, such as its own NAT64 prefix. False for text that is not an address.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        # A zone belongs to a local address, also where it is written on another one.
        if parsed.scope_id is not None or parsed not in _GLOBAL_V6 or _is_in(parsed, _REFUSED_V6):
            return False
    elif _is_in(parsed, _REFUSED_V4):
        return False
    return not _is_in(parsed, refused)


def networks(text: str) -> Sequence[Network]:
    """The networks of a list with commas. Raises ValueError."""
    return [ip_network(each.strip()) for each in text.split(",") if each.strip()]


def _is_in(address: IPv4Address | IPv6Address, listed: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in listed)
