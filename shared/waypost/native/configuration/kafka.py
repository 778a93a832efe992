"""Properties of the broker, equal for native processes and containers except for addresses and the
data folder.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

FILE = Path(__file__).with_name("broker.properties")

REPLICATION = 3
"""Replicas of a partition on a cluster of at least three brokers."""


def min_insync_replicas(brokers: int) -> int:
    """Copies of an acknowledged record: of three brokers one may be lost."""
    return 2 if brokers >= REPLICATION else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    bound: str
    """`host:port`; an empty host means every interface."""
    advertised: str
    """`host:port` that the broker returns to clients in its metadata."""


def broker_properties(
    listeners: Mapping[str, Listener],
    *,
    controllers: Sequence[str],
    data: Path,
    node: int = 1,
    protocols: Mapping[str, str] | None = None,
) -> str:
    """Text of a `server.properties`. The first listener is also the inter-broker listener;
    `controllers` are `host:port` of every node, in the order of the node ids, which start at 1.
    `protocols` are the security protocols by listener; without them, all are PLAINTEXT.
    """
    bound = {name: listener.bound for name, listener in listeners.items()} | {"CONTROLLER": controllers[node - 1]}
    return Template(FILE.read_text()).substitute(
        node=node,
        voters=",".join(f"{number}@{place}" for number, place in enumerate(controllers, start=1)),
        replication=min(len(controllers), REPLICATION),
        min_insync=min_insync_replicas(len(controllers)),
        listeners=",".join(f"{name}://{place}" for name, place in bound.items()),
        advertised=",".join(f"{name}://{listener.advertised}" for name, listener in listeners.items()),
        own=next(iter(listeners)),
        protocols=",".join(f"{name}:{(protocols or {}).get(name, 'PLAINTEXT')}" for name in bound),
        data=data,
    )
