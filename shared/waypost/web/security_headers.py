"""Headers of every response that keep browsers and caches from misusing it.

The defaults suit an answer with personal data. A route that sets `Cache-Control` or
`Referrer-Policy` keeps its own, such as the public keys and the files of a page.
"""

from starlette.types import Message, Scope

from waypost.web.client_network import ClientNetworks

NO_SNIFFING = (b"x-content-type-options", b"nosniff")
"""A browser must not guess another content type (WHATWG Fetch, section 3.6)."""
NO_REFERRER = (b"referrer-policy", b"no-referrer")
NOT_STORED = (b"cache-control", b"no-store")
"""RFC 9111, section 5.2.2.5."""
ONLY_TLS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
"""RFC 6797. A browser ignores it without TLS, so it is sent with TLS only."""


def add_security_headers(message: Message, scope: Scope) -> None:
    """Adds the headers to a `http.response.start`."""
    clients: ClientNetworks = scope["app"].state.clients
    headers = message["headers"] = list(message.get("headers", ()))
    present = {name.lower() for name, _ in headers}
    headers.append(NO_SNIFFING)
    if b"referrer-policy" not in present:
        headers.append(NO_REFERRER)
    if b"cache-control" not in present:
        headers.append(NOT_STORED)
    if clients.is_encrypted(scope):
        headers.append(ONLY_TLS)
