"""Properties of the broker, equal for native processes and containers except for addresses and the
data folder.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

FILE = Path(__file__).with_name("broker.properties")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    bound: str
    """`host:port`; an empty host means every interface."""
    advertised: str
    """`host:port` that the broker returns to clients in its metadata."""


def broker_properties(listeners: Mapping[str, Listener], *, controller: str, data: Path) -> str:
    """Text of a `server.properties`. The first listener is also the inter-broker listener;
    `controller` is `host:port`.
    """
    bound = {name: listener.bound for name, listener in listeners.items()} | {"CONTROLLER": controller}
    return Template(FILE.read_text()).substitute(
        controller=controller,
        listeners=",".join(f"{name}://{place}" for name, place in bound.items()),
        advertised=",".join(f"{name}://{listener.advertised}" for name, listener in listeners.items()),
        own=next(iter(listeners)),
        protocols=",".join(f"{name}:PLAINTEXT" for name in bound),
        data=data,
    )
