"""The addresses at which the servers of a process listen. Imports no web framework, because the
settings of every process import it.
"""

from dataclasses import dataclass

PUBLIC = "public"
LOOPBACK = "127.0.0.1"
_VALID_FORMS = f"must be host:port, [IPv6 address]:port, a port of {LOOPBACK}, or {PUBLIC}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    host: str
    port: int


def management_address(text: str) -> Address | None:
    """`8051`, `10.0.0.7:8051` or `[::1]:8051`; None for `public`. Raises ValueError with the
    possible forms.
    """
    if text == PUBLIC:
        return None
    host, _, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    is_ambiguous = ":" in host and bare == host
    has_no_host = ":" in text and not bare
    if is_ambiguous or has_no_host or not (port.isascii() and port.isdecimal() and 1 <= int(port) <= 65_535):
        raise ValueError(_VALID_FORMS)
    return Address(host=bare or LOOPBACK, port=int(port))


def beside(port: int) -> Address:
    """The management address of an API that sets none: loopback, so that no other machine reaches
    it, at the port 1000 above its own one (below, if there is no such port).
    """
    return Address(host=LOOPBACK, port=port + 1000 if port + 1000 <= 65_535 else port - 1000)
