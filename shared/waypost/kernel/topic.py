"""The declaration of a Kafka topic."""

from collections.abc import Mapping
from dataclasses import dataclass

from waypost.kernel.errors import Misconfigured

MIN_INSYNC_REPLICAS = "min.insync.replicas"


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A declared topic. Raises Misconfigured for a declaration that could lose acknowledged
    records, or could never accept one.
    """

    name: str
    purpose: str
    partitions: int
    replication: int
    configuration: Mapping[str, str]

    @property
    def min_insync_replicas(self) -> int:
        """The number of copies that an acknowledged record has at least (Kafka's topic setting
        `min.insync.replicas`, whose default is 1).
        """
        value = self.configuration.get(MIN_INSYNC_REPLICAS, 1)
        try:
            return int(value)
        except (TypeError, ValueError) as error:
            raise Misconfigured(
                f'{self.name} declares {MIN_INSYNC_REPLICAS} {value!r}: write a number in quotes, such as "2"',
                topic=self.name,
            ) from error

    def __post_init__(self) -> None:
        declared = f"{self.name} declares replication {self.replication} and {MIN_INSYNC_REPLICAS} "
        if self.min_insync_replicas > self.replication:
            raise Misconfigured(
                f"{declared}{self.min_insync_replicas}: no record could be acknowledged; lower {MIN_INSYNC_REPLICAS}",
                topic=self.name,
            )
        if self.replication > 1 and self.min_insync_replicas < 2:
            raise Misconfigured(
                f"{declared}{self.min_insync_replicas}: an acknowledged record may exist on one disk only, and the loss of"
                f' that broker loses it; set {MIN_INSYNC_REPLICAS} to "2" in topics.yaml',
                topic=self.name,
            )
