"""The one broker's properties, the same on this machine and in a container; only its addresses and
its folder differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

FILE = Path(__file__).with_name("broker.properties")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    bound: str
    """`host:port`; an empty host is every interface."""
    advertised: str
    """`host:port` that clients are told to come back to."""


def broker_properties(listeners: Mapping[str, Listener], *, controller: str, data: Path) -> str:
    """Text of a `server.properties`. The first listener is also the broker's own way to itself;
    `controller` is `host:port`.
    """
    bound = {name: each.bound for name, each in listeners.items()} | {"CONTROLLER": controller}
    return Template(FILE.read_text()).substitute(
        controller=controller,
        listeners=",".join(f"{name}://{place}" for name, place in bound.items()),
        advertised=",".join(f"{name}://{each.advertised}" for name, each in listeners.items()),
        own=next(iter(listeners)),
        protocols=",".join(f"{name}:PLAINTEXT" for name in bound),
        data=data,
    )
