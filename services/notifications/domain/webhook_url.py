"""The URL of a webhook endpoint. One expression reads the whole URL, and the request is built from
its parts, so that no second parser can see another host.
"""

import re
from dataclasses import dataclass
from typing import Self

from waypost.kernel.errors import Invalid

MAX_URL_CHARACTERS = 2_000
PORTS = {"https": 443, "http": 80}
PUBLIC_PORTS = (443, 8443)
"""Other ports belong to other protocols, which must not get requests that a tenant shapes."""

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<target>/[A-Za-z0-9\-._~%!$&'()*+,;=:@/]*(?:\?[A-Za-z0-9\-._~%!$&'()*+,;=:@/?]*)?)?"
)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_TOP = re.compile(r"[a-z][a-z0-9-]{0,61}[a-z0-9]")
"""The last label of a name begins with one of a to z: `0x7f.1` and `2130706433` are addresses for
some resolvers.
"""


class WebhookUrlRefused(Invalid):
    """The URL cannot be the URL of a webhook endpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookUrl:
    scheme: str
    host: str
    """In lower case; an IPv6 address without brackets."""
    port: int
    target: str
    """Path and query."""

    @classmethod
    def parse(cls, text: str, *, private_networks: bool) -> Self:
        """`private_networks`: permits http, every port, and addresses instead of names, for
        development. Raises WebhookUrlRefused.
        """
        found = _URL.fullmatch(text) if len(text) <= MAX_URL_CHARACTERS else None
        if found is None:
            raise WebhookUrlRefused(
                "the URL must have the form https://host/path, without user, fragment, spaces and characters other than"
                f" ASCII (write other domains as xn--…), and at most {MAX_URL_CHARACTERS} characters"
            )
        url = cls(
            scheme=found["scheme"],
            host=found["host"].lower().strip("[]"),
            port=int(found["port"] or PORTS[found["scheme"]]),
            target=found["target"] or "/",
        )
        url._require_port()
        if not private_networks:
            url._require_public()
        return url

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host_header}{self.target}"

    def _require_port(self) -> None:
        if self.port > 65_535:
            raise WebhookUrlRefused("the port of the URL must be at most 65535")

    def _require_public(self) -> None:
        if self.scheme != "https":
            raise WebhookUrlRefused("the URL must begin with https://, because webhooks are sent encrypted only")
        if self.port not in PUBLIC_PORTS:
            raise WebhookUrlRefused(f"the port of the URL must be one of {', '.join(map(str, PUBLIC_PORTS))}")
        labels = self.host.split(".")
        if len(labels) < 2 or not all(map(_LABEL.fullmatch, labels)) or not _TOP.fullmatch(labels[-1]):
            raise WebhookUrlRefused(
                "the host of the URL must be a public domain name such as hooks.example.com, and no IP address"
            )
