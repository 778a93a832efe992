"""Three brokers on this machine, as in production: each is broker and controller."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from waypost.native.configuration.kafka import Listener
from waypost.native.configuration.kafka_security import BrokerSecurity
from waypost.native.kafka.broker import Kafka, Probe
from waypost.native.kafka.installation import ClusterNode


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePorts:
    port: int
    controller_port: int


def cluster_brokers(
    directory: Path,
    nodes: Sequence[NodePorts],
    *,
    log: Callable[[int], Path],
    further: Callable[[int], Mapping[str, Listener]] = lambda _: {},
    security: BrokerSecurity | None = None,
    probe: Probe | None = None,
) -> Sequence[Kafka]:
    """The brokers of one cluster; each starts when most of them have been started. Their data
    survives stop, kill and a new start with the same nodes. `log` gives the log file of a node,
    whose number starts at 1, and `further` its listeners after the first.
    """
    controllers = [node.controller_port for node in nodes]
    return [
        Kafka(
            directory / str(number),
            port=node.port,
            controller_port=node.controller_port,
            log=log(number),
            further=further(number),
            security=security,
            probe=probe,
            cluster_node=ClusterNode(
                node=number, controller_ports=controllers, cluster_id_file=directory / "cluster.id"
            ),
        )
        for number, node in enumerate(nodes, start=1)
    ]
