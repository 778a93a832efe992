"""Files that all brokers of a project share, and the folder of each broker."""

import base64
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from waypost.native.configuration.kafka import Listener, broker_properties
from waypost.native.configuration.kafka_security import SECURE_LISTENER, BrokerSecurity
from waypost.native.java import SMALL
from waypost.native.ports import LOOPBACK

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterNode:
    """The place of a broker in its cluster. A single broker is a cluster of one."""

    controller_ports: Sequence[int]
    """Those of all nodes, in the order of the node ids, which start at 1."""
    node: int = 1
    cluster_id_file: Path | None = None
    """The file with the cluster's id, which all nodes share; None for a single broker."""

    def cluster_id(self) -> str:
        """The id for new data. Creates it if the cluster has none."""
        if self.cluster_id_file is None:
            return random_id()
        if not self.cluster_id_file.exists():
            self.cluster_id_file.parent.mkdir(parents=True, exist_ok=True)
            self.cluster_id_file.write_text(random_id())
        return self.cluster_id_file.read_text()


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    java: Path
    jars: Path
    formatted: Path
    """A formatted data folder that no broker has used."""
    archive: Path
    """Archive of loaded classes; a JVM that cannot use the file ignores it."""

    def command(self, *arguments: str, options: tuple[str, ...] = ()) -> list[str]:
        """A Java command with a small heap and the jars on the class path. The jars are sorted,
        because the class archive depends on their order.
        """
        classpath = ":".join(str(jar) for jar in sorted(self.jars.glob("*.jar")))
        logging = f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}"
        return [str(self.java), "-Xms32m", "-Xmx256m", *SMALL, *options, logging, "-cp", classpath, *arguments]

    def broker(
        self,
        directory: Path,
        *,
        port: int,
        cluster_node: ClusterNode,
        options: tuple[str, ...],
        further: Mapping[str, Listener] | None = None,
        security: BrokerSecurity | None = None,
    ) -> list[str]:
        """Command of a broker in `directory`. Copies formatted data there if it has none."""
        directory.mkdir(parents=True, exist_ok=True)
        data = directory / "data"
        if not (data / "meta.properties").exists():
            self._copy_formatted(data, cluster_node)
        properties = write_properties(
            directory, port=port, cluster_node=cluster_node, data=data, further=further, security=security
        )
        return self.command("kafka.Kafka", str(properties), options=options)

    def _copy_formatted(self, data: Path, cluster_node: ClusterNode) -> None:
        """Copies the formatted data with new ids: clients cannot distinguish two clusters with the
        same id.
        """
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(self.formatted, data)
        identity = {
            "version": "1",
            "node.id": str(cluster_node.node),
            "cluster.id": cluster_node.cluster_id(),
            "directory.id": random_id(),
        }
        lines = "".join(f"{key}={value}\n" for key, value in identity.items())
        (data / "meta.properties").write_text(lines)


def write_properties(
    into: Path,
    *,
    port: int,
    cluster_node: ClusterNode,
    data: Path,
    further: Mapping[str, Listener] | None = None,
    security: BrokerSecurity | None = None,
) -> Path:
    here = f"{LOOPBACK}:{port}"
    name = SECURE_LISTENER if security else "PLAINTEXT"
    listeners = {name: Listener(bound=here, advertised=here), **(further or {})}
    properties = into / "server.properties"
    controllers = [f"{LOOPBACK}:{controller_port}" for controller_port in cluster_node.controller_ports]
    properties.touch(mode=0o600)
    properties.chmod(0o600)  # an earlier start without security may have created it; it may contain a password
    properties.write_text(
        broker_properties(
            listeners,
            controllers=controllers,
            node=cluster_node.node,
            data=data,
            protocols=security.protocols(listeners) if security else None,
        )
        + (security.properties() if security else "")
    )
    return properties


def random_id() -> str:
    """A random UUID as 22 URL-safe characters, as Kafka writes it. It never starts with `-`, which
    Kafka's tool would parse as an option.
    """
    while (drawn := base64.urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return drawn
