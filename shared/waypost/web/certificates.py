"""The certificates that outgoing HTTP clients trust."""

import ssl
from functools import cache

import httpx


@cache
def trusted_certificates() -> ssl.SSLContext:
    """For `verify=` of a client of httpx. A client without it reads all certificates again, which
    takes 40 ms of CPU. `SSL_CERT_FILE` and `SSL_CERT_DIR` name other certificates than httpx's own,
    also for clients that ignore the proxies of the environment. Raises OSError for a missing file.
    """
    return httpx.create_ssl_context()
